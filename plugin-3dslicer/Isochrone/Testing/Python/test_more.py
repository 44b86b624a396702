"""3D surfaces, grids counted from the other end, and a server without a PACS."""

import numpy as np
import pytest
from conftest import same_masks, settle, wait
from IsochroneLib.geometry import Flips, compare_grids
from IsochroneLib.masks import Box
from IsochroneLib.panels.got import got
from IsochroneLib.segments import SURFACE
from IsochroneLib.volumes import lps_from_voxel, size_of


def surface_points(panel, segment_id: str) -> int:
    """Of the closed surface; 0 where there is none."""
    segment = panel.session.segmentation.GetSegmentation().GetSegment(segment_id)
    surface = segment.GetRepresentation(SURFACE)
    return surface.GetNumberOfPoints() if surface else 0


def test_the_3d_surface_follows(lung, views):
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    lung.session.segmentation.CreateClosedSurfaceRepresentation()
    first = surface_points(lung, "tumour")
    assert first > 100
    views["Red"].click(lung.centre + [6, 0, 0], control=True)
    settle(lung)
    wait(lambda: surface_points(lung, "tumour") not in (0, first), "the new surface", 10)
    same_masks(lung, "tumour")


def test_store_without_a_pacs_is_one_sentence(lung, views):
    lung.ui.storeButton.click()
    assert "nothing to store" in got(lung.ui.saveLabel.text)
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    lung.ui.storeButton.click()
    settle(lung)
    sentence = got(lung.ui.saveLabel.text)
    assert sentence not in ("", "Storing …") and "\n" not in sentence and len(sentence) < 250, sentence


@pytest.mark.parametrize("flipped", [(False, False, True), (True, False, False), (True, True, True)])
def test_a_grid_counted_from_the_other_end(lung, flipped):
    volume = lung.session.volume
    there = lung.session.context.remote.volume.grid
    matrix, size = lps_from_voxel(volume), size_of(volume)
    assert compare_grids(matrix, size, there) == Flips(size, (False, False, False))
    turned = matrix.copy()
    for axis in range(3):
        if flipped[axis]:
            turned[:3, 3] += matrix[:3, axis] * (size[axis] - 1)
            turned[:3, axis] *= -1
    flips = compare_grids(turned, size, there)
    assert flips == Flips(size, flipped)
    box = Box((3, 5, 7), (40, 60, 20))
    ours = np.zeros(size[::-1], bool)
    ours[box.slices()] = np.random.default_rng(0).random(box.shape) < 0.5
    assert np.array_equal(flips.array(ours)[flips.box(box).slices()], flips.array(ours[box.slices()]))
    assert flips.box(flips.box(box)) == box
    turned[0, 3] += 2.0
    assert compare_grids(turned, size, there) is None


@pytest.mark.parametrize("ahead, words", [(0, "yours is next"), (1, "1 request before"), (3, "3 requests before")])
def test_a_busy_server_says_how_many_are_before_us(lung, views, ahead, words):
    """The place in the queue as a busy server tells it, put before what the real one answers."""
    client = lung.session.context.remote.client
    pb, real = client.messages.segmentation, client.stream

    def busy(method, request, **rest):
        if isinstance(request, pb.AddPromptsRequest):
            yield pb.SegmentationEvent(queue=pb.QueuePlace(ahead=ahead, waited_ms=300))
        yield from real(method, request, **rest)

    client.stream, said = busy, []
    lung.session.listen("warning", said.append)
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    assert len(said) == 1 and words in said[0], said
    assert " ms (" in got(lung.ui.answerLabel.text)
    same_masks(lung, "tumour")
