"""A mouse click in a real slice view becomes the server's mask in the segmentation node."""

import numpy as np
import pytest
import slicer
import vtk
from conftest import LESIONS, settle
from IsochroneLib import segments
from IsochroneLib.effects.tool import SliceView
from IsochroneLib.effects.tools import TOOLS
from IsochroneLib.prompts import Prompts


def lesion_centre(volume) -> np.ndarray:
    """RAS mm of the voxel of the reader's label that is farthest inside."""
    label = slicer.modules.volumes.logic().AddArchetypeVolume(str(LESIONS / "lung2_label.nrrd"), "label", 1)
    k, j, i = np.median(np.argwhere(slicer.util.arrayFromVolume(label) > 0), axis=0).round()
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array(matrix.MultiplyPoint([i, j, k, 1])[:3])


def server_mask(session, segment_id: str) -> np.ndarray:
    """The whole mask as the server has it, by a call of its own."""
    from IsochroneLib.masks import Box, unpack

    remote = session.context.remote
    pb = remote.client.messages.segmentation
    request = pb.GetMaskRequest(session_id=remote.session_id, label_id=remote.label_ids[segment_id])
    update = remote.client.call(remote.client.services.segmentation.GetMask, request)
    whole = np.zeros(session.volume.GetImageData().GetDimensions()[::-1], bool)
    for delta in update.deltas:
        low, high = delta.box.min, delta.box.max
        box = Box((low.i, low.j, low.k), (high.i, high.j, high.k))
        if not box.is_empty:
            whole[box.slices()] = unpack(delta.zlib_bits, box)
    return whole


def slicer_mask(session, segment_id: str) -> np.ndarray:
    """The whole mask as Slicer exports it."""
    array = slicer.util.arrayFromSegmentBinaryLabelmap(session.segmentation, segment_id, session.volume)
    return array > 0


class Reader:
    """Tools on the real views."""

    def __init__(self, session):
        self.session = session
        self.widgets = [slicer.app.layoutManager().sliceWidget(n) for n in slicer.app.layoutManager().sliceViewNames()]
        self.red = self.widgets[0]
        for widget in self.widgets:
            widget.show(session.volume)
        self.prompts = Prompts(session.context.remote.client.messages)

    def use(self, kind: str, positive: bool = True, segment: str = "tumour", radius_mm: float = 2.0):
        """Start a tool."""

        def finished(kind, drawing, inverted):
            made = self.prompts.make(kind, drawing, positive != inverted, radius_mm)
            self.session.add_prompt(segment, made)

        tool = TOOLS[kind](finished)
        views = [SliceView(w.node, w.interactor, w.window) for w in self.widgets]
        tool.start(views)
        return tool

    def click(self, ras, control: bool = False) -> None:
        """On the axial view, brought to the place first."""
        self.red.node.JumpSliceByCentering(*ras)
        tool = self.use("click")
        self.red.drag([self.red.xy(ras)], control)
        tool.stop()


@pytest.fixture
def reader(lung):
    return Reader(lung)


def test_click_undo_redo(lung, reader):
    place = lesion_centre(lung.volume)
    reader.click(place)
    settle(lung)
    first = server_mask(lung, "tumour")
    assert first.sum() > 100
    assert np.array_equal(first, slicer_mask(lung, "tumour"))
    reader.click(place + [4, 0, 0], control=True)
    settle(lung)
    second = server_mask(lung, "tumour")
    assert (second != first).any()
    assert np.array_equal(second, slicer_mask(lung, "tumour"))
    lung.undo()
    settle(lung)
    assert np.array_equal(first, slicer_mask(lung, "tumour"))
    lung.undo()
    settle(lung)
    assert not slicer_mask(lung, "tumour").any()
    lung.redo()
    lung.redo()
    settle(lung)
    assert np.array_equal(second, slicer_mask(lung, "tumour"))
    assert lung.warnings == [] or all("HU" in w or "inferred" in w for w in lung.warnings), lung.warnings


def test_paint_click_undo_keeps_the_paint(lung, reader):
    box = segments.Box((100, 100, 20), (110, 112, 22))
    segments.write(lung.segmentation, "tumour", lung.volume, box, np.ones(box.shape, bool))
    reader.click(lesion_centre(lung.volume))
    settle(lung)
    both = slicer_mask(lung, "tumour")
    assert both[box.slices()].all() and both.sum() > 100 + 240
    assert np.array_equal(both, server_mask(lung, "tumour"))
    lung.undo()
    settle(lung)
    painted = slicer_mask(lung, "tumour")
    assert painted[box.slices()].all() and painted.sum() == 240
    assert np.array_equal(painted, server_mask(lung, "tumour"))
