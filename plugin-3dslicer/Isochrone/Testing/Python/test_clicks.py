"""A mouse click in a real slice view becomes the server's mask in the segmentation node."""

import numpy as np
from conftest import same_masks, server_mask, settle, slicer_mask
from IsochroneLib import segments
from IsochroneLib.masks import Box
from IsochroneLib.panels.got import got


def test_click_undo_redo(lung, views):
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    first = server_mask(lung, "tumour")
    assert first.sum() > 100
    same_masks(lung, "tumour")
    views["Red"].click(lung.centre + [6, 0, 0], control=True)
    settle(lung)
    second = server_mask(lung, "tumour")
    assert (second != first).any()
    same_masks(lung, "tumour")
    lung.ui.undoButton.click()
    settle(lung)
    assert np.array_equal(first, slicer_mask(lung, "tumour"))
    lung.ui.undoButton.click()
    settle(lung)
    assert not slicer_mask(lung, "tumour").any()
    lung.ui.redoButton.click()
    lung.ui.redoButton.click()
    settle(lung)
    assert np.array_equal(second, slicer_mask(lung, "tumour"))


def test_a_prompt_in_the_middle_can_be_removed(lung, views):
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    alone = slicer_mask(lung, "tumour")
    views["Red"].click(lung.centre + [6, 0, 0], control=True)
    settle(lung)
    assert got(lung.ui.promptList.count) == 2
    lung.ui.promptList.setCurrentRow(1)
    lung.ui.removeButton.click()
    settle(lung)
    assert np.array_equal(alone, slicer_mask(lung, "tumour"))
    same_masks(lung, "tumour")
    assert got(lung.ui.promptList.count) == 1


def test_list_and_marks_are_the_prompts_in_force(lung, views):
    """After undo, redo and reset alike."""
    ui, marks = lung.ui, lung.prompting.marks
    ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    ui.newSegmentButton.click()
    views["Red"].click(lung.centre + [0, -60, 0])
    settle(lung)
    views["Red"].click(lung.centre + [0, -50, 0], control=True)

    def shown() -> tuple:
        settle(lung)
        points = [node.GetNumberOfControlPoints() for node in marks._points.values()]
        assert got(ui.promptList.count) == len(lung.session.prompts) == sum(points)
        return tuple(ui.promptList.item(row).text()[0] for row in range(got(ui.promptList.count)))

    for button, expected in (
        (None, ("+", "+", "−")),
        (ui.undoButton, ("+", "+")),
        (ui.undoButton, ("+",)),
        (ui.undoButton, ()),
        (ui.redoButton, ("+",)),
        (ui.redoButton, ("+", "+")),
        (ui.resetButton, ("+",)),
        (ui.undoButton, ("+", "+")),
    ):
        if button is not None:
            button.click()
        assert shown() == expected


def test_paint_click_undo_keeps_the_paint(lung, views):
    box = Box((100, 100, 20), (110, 112, 22))
    session = lung.session
    lung.ui.editor.saveStateForUndo()
    segments.write(session.segmentation, "tumour", session.volume, box, np.ones(box.shape, bool))
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    both = slicer_mask(lung, "tumour")
    assert both[box.slices()].all() and both.sum() > 100 + 240
    same_masks(lung, "tumour")
    lung.ui.undoButton.click()
    settle(lung)
    painted = slicer_mask(lung, "tumour")
    assert painted[box.slices()].all() and painted.sum() == 240
    same_masks(lung, "tumour")


def test_paint_during_the_click_is_kept_and_sent(lung, views):
    box = Box((100, 100, 20), (110, 112, 22))
    session = lung.session
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    # The answer is still on its way.
    segments.write(session.segmentation, "tumour", session.volume, box, np.ones(box.shape, bool))
    settle(lung)
    assert slicer_mask(lung, "tumour")[box.slices()].all()
    assert slicer_mask(lung, "tumour").sum() > 340
    same_masks(lung, "tumour")


def test_paint_in_a_segment_that_the_server_does_not_know(lung, views):
    """Painted while the answer to a click in another segment is on its way."""
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    lung.session.segmentation.GetSegmentation().AddEmptySegment("other", "other")
    box = Box((100, 100, 20), (110, 112, 22))
    segments.write(lung.session.segmentation, "other", lung.session.volume, box, np.ones(box.shape, bool))
    settle(lung)
    assert slicer_mask(lung, "other").sum() == 240 and slicer_mask(lung, "tumour").any()
    same_masks(lung, "tumour", "other")


def test_cancel_does_not_lose_the_paint(lung, views):
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    box = Box((100, 100, 20), (110, 112, 22))
    segments.write(lung.session.segmentation, "tumour", lung.session.volume, box, np.ones(box.shape, bool))
    views["Red"].click(lung.centre + [0, 4, 0])  # waits, with the paint
    lung.ui.cancelButton.click()
    settle(lung)
    assert slicer_mask(lung, "tumour")[box.slices()].all()
    views["Red"].click(lung.centre + [0, 5, 0])
    settle(lung)
    assert slicer_mask(lung, "tumour")[box.slices()].all()
    same_masks(lung, "tumour")


def test_the_segment_editors_own_undo_still_works(lung, views):
    session = lung.session
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    clicked = slicer_mask(lung, "tumour")
    box = Box((100, 100, 20), (110, 112, 22))
    lung.ui.editor.saveStateForUndo()
    segments.write(session.segmentation, "tumour", session.volume, box, np.ones(box.shape, bool))
    lung.ui.editor.undo()
    assert np.array_equal(clicked, slicer_mask(lung, "tumour"))
    views["Red"].click(lung.centre + [0, 4, 0])
    settle(lung)
    assert not slicer_mask(lung, "tumour")[box.slices()].any()
    same_masks(lung, "tumour")
