"""Uncertainty over the slice views, proposals in turn, and the pictures of the documentation."""

import numpy as np
import pytest
import slicer
from conftest import PICTURES, same_masks, settle, wait
from IsochroneLib.geometry import ras_from_lps
from IsochroneLib.panels.got import got
from IsochroneLib.proposals import view_for


@pytest.fixture
def folder(tmp_path):
    """Where pictures go: the documentation's folder if it is named."""
    path = PICTURES or tmp_path
    path.mkdir(parents=True, exist_ok=True)
    return path


def clicked(lung, views):
    lung.ui.overlayCheck.setChecked(True)
    settle(lung)
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    wait(lambda: lung.looking.proposals.items, "proposals")
    wait(lambda: lung.looking.overlay.node is not None, "the uncertainty")


def test_next_slice_accept_and_auto_advance(lung, views):
    clicked(lung, views)
    proposals = lung.looking.proposals
    assert got(lung.ui.proposalList.count) == len(proposals.items) > 1
    scores = [item.score for item in proposals.items]
    assert scores == sorted(scores, reverse=True)
    for item in proposals.items[:3]:
        lung.ui.nextButton.click()
        normal, spot = ras_from_lps(item.plane_normal), ras_from_lps(item.spot)
        node = view_for(normal, [view.node for view in views.values()])
        matrix = node.GetSliceToRAS()
        across = np.array([matrix.GetElement(row, 2) for row in range(3)])
        centre = np.array([matrix.GetElement(row, 3) for row in range(3)])
        assert abs(across @ normal) > 0.999
        assert np.abs(centre - spot).max() < 0.01, "not centred on the spot"
        assert abs((ras_from_lps(item.plane_origin) - centre) @ normal) < 0.01, "not on the slice"
    item = proposals.current
    lung.ui.acceptButton.click()
    settle(lung)
    same = [p for p in proposals.items if (p.axis, p.index) == (item.axis, item.index)]
    assert not same, "an accepted slice is proposed again"
    assert "1 accepted" in got(lung.ui.readerLabel.text)
    lung.ui.autoCheck.setChecked(True)
    views["Red"].click(lung.centre + [0, 4, 0])
    settle(lung)
    wait(lambda: proposals.current is not None, "the jump by itself")


def test_overlay_lies_where_the_server_says(lung, views):
    """In a layer of its own: what the reader has chosen as foreground (such as a PET) stays on show."""
    composite = views["Red"].widget.sliceLogic().GetSliceCompositeNode()
    composite.SetForegroundVolumeID(lung.session.volume.GetID())
    composite.SetForegroundOpacity(0.4)
    clicked(lung, views)
    node = lung.looking.overlay.node
    bounds = np.zeros(6)
    node.GetRASBounds(bounds)
    assert all(bounds[2 * a] <= lung.centre[a] <= bounds[2 * a + 1] for a in range(3))
    layer = composite.Layer_Last
    assert composite.GetNthLayerVolumeID(layer) == node.GetID()
    lung.ui.opacitySlider.setValue(30)
    assert composite.GetNthLayerOpacity(layer) == pytest.approx(0.3)
    lung.ui.colourCombo.setCurrentIndex(lung.ui.colourCombo.findText("Warm1"))
    assert node.GetDisplayNode().GetColorNode().GetName() == "Warm1"
    lung.ui.overlayCheck.setChecked(False)
    assert composite.GetNthLayerVolumeID(layer) in (None, "")
    assert composite.GetForegroundVolumeID() == lung.session.volume.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.4)
    composite.SetForegroundVolumeID(None)


def test_pictures(lung, views, folder):
    display = lung.session.volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(1400, -500)
    lung.session.segmentation.GetSegmentation().GetSegment("tumour").SetColor(0.35, 0.45, 1.0)
    red = views["Red"]
    red.show(lung.session.volume)
    red.zoom(0.45)
    red.node.JumpSliceByCentering(*lung.centre)
    lung.prompting.marks.set_visible(True)
    before = red.picture(folder / "1-image.png").copy()
    clicked(lung, views)
    lung.looking.overlay.hide()
    segment = red.picture(folder / "2-segment-and-prompt.png").copy()
    assert (segment != before).any(axis=1).sum() > 200, "segment and prompt are not to be seen"
    lung.looking.overlay._put()
    over = red.picture(folder / "3-uncertainty.png").copy()
    assert (over != segment).any(axis=1).sum() > 50, "the uncertainty is not to be seen"
    for view in views.values():
        if view is not red:
            view.show(lung.session.volume)
            view.zoom(0.5)
    lung.ui.nextButton.click()
    item = lung.looking.proposals.current
    node = view_for(ras_from_lps(item.plane_normal), [view.node for view in views.values()])
    shown = next(view for view in views.values() if view.node is node)
    shown.picture(folder / "4-next-slice.png")
    red.turn("X", 35)
    red.node.JumpSliceByCentering(*lung.centre)
    lung.ui.scribbleButton.click()
    x, y = red.xy(lung.centre)
    red.drag([(x - 10 + 2 * n, y + (n % 3)) for n in range(10)])
    settle(lung)
    red.picture(folder / "5-oblique-scribble.png")
    lung.parent.resize(480, 1180)
    lung.parent.show()
    slicer.app.processEvents()
    lung.parent.grab().save(str(folder / "6-panel.png"))
    same_masks(lung, "tumour")
