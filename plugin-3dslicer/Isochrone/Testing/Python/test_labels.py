"""Segments are labels: names, locks, overlap, masking, and those that were there before."""

import numpy as np
import slicer
import vtk
from conftest import begin, load_lesion, same_masks, server_mask, settle, slicer_mask
from IsochroneLib import segments
from IsochroneLib.masks import Box
from IsochroneLib.panels.got import got
from IsochroneLib.terminology import label_info

TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list"
    "~SCT^49755003^Morphologically Abnormal Structure~SCT^4147007^Mass~^^~Anatomic codes~^^~^^"
)


def infos(lung):
    return lung.session.context.remote.labels


def test_a_completed_segment_is_locked(lung, views):
    segmentation = lung.session.segmentation.GetSegmentation()
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    first = slicer_mask(lung, "tumour")
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetSegmentStatus(segmentation.GetSegment("tumour"), logic.Completed)
    lung.ui.newSegmentButton.click()
    other = lung.ui.editor.currentSegmentID()
    views["Red"].click(lung.centre)
    settle(lung)
    assert infos(lung)["tumour"].locked
    assert np.array_equal(first, slicer_mask(lung, "tumour"))
    assert not (slicer_mask(lung, other) & first).any(), "a locked segment was overwritten"
    lung.ui.editor.setCurrentSegmentID("tumour")
    views["Red"].click(lung.centre + [3, 0, 0])
    settle(lung)
    assert "lock" in got(lung.ui.answerLabel.text).lower()
    logic.SetSegmentStatus(segmentation.GetSegment("tumour"), logic.InProgress)
    views["Red"].click(lung.centre + [3, 0, 0])
    settle(lung)
    assert not infos(lung)["tumour"].locked
    same_masks(lung, "tumour", other)


def complete(lung, segment_id: str, state: str = "Completed") -> None:
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment = lung.session.segmentation.GetSegmentation().GetSegment(segment_id)
    logic.SetSegmentStatus(segment, getattr(logic, state))


def clicked(lung, views) -> np.ndarray:
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    return slicer_mask(lung, "tumour")


def test_nothing_changes_a_segment_that_was_just_completed(lung, views):
    """Neither undo, redo, reset nor the removal of a prompt, though no prompt has told the server of the lock."""
    first = clicked(lung, views)
    ui = lung.ui
    ui.promptList.setCurrentRow(0)
    complete(lung, "tumour")
    for button in (ui.undoButton, ui.removeButton, ui.resetButton, ui.undoButton):
        button.click()
        settle(lung)
        said = got(ui.answerLabel.text)
        assert np.array_equal(first, slicer_mask(lung, "tumour")) and ("lock" in said or "completed" in said), said
        same_masks(lung, "tumour")
    assert len(lung.session.prompts) == 1
    complete(lung, "tumour", "InProgress")
    ui.undoButton.click()
    settle(lung)
    assert not slicer_mask(lung, "tumour").any() and not lung.session.prompts
    complete(lung, "tumour")
    ui.redoButton.click()
    settle(lung)
    assert not slicer_mask(lung, "tumour").any() and "completed" in got(ui.answerLabel.text)
    complete(lung, "tumour", "InProgress")
    ui.redoButton.click()
    settle(lung)
    assert np.array_equal(first, slicer_mask(lung, "tumour")) and len(lung.session.prompts) == 1
    same_masks(lung, "tumour")


def test_paint_round_a_lock(lung, views):
    """Painted, then completed: sent, then locked. Opened again, then painted: unlocked, then sent."""
    clicked(lung, views)
    box, more = Box((100, 100, 20), (110, 112, 22)), Box((100, 100, 30), (110, 112, 32))
    paint = lambda box: segments.write(
        lung.session.segmentation, "tumour", lung.session.volume, box, np.ones(box.shape, bool)
    )
    paint(box)
    complete(lung, "tumour")
    lung.ui.newSegmentButton.click()
    views["Red"].click(lung.centre + [0, -60, 0])
    settle(lung)
    assert infos(lung)["tumour"].locked and slicer_mask(lung, "tumour")[box.slices()].all()
    same_masks(lung, "tumour")
    complete(lung, "tumour", "InProgress")
    paint(more)
    lung.ui.nextButton.click()
    settle(lung)
    assert slicer_mask(lung, "tumour")[more.slices()].all()
    same_masks(lung, "tumour")
    # A completed segment that is taken away is away on the server too.
    complete(lung, "tumour")
    lung.session.segmentation.GetSegmentation().RemoveSegment("tumour")
    settle(lung)
    assert "tumour" not in infos(lung)


def test_what_the_server_warns_of_is_to_be_read(lung, views):
    clicked(lung, views)
    complete(lung, "tumour")
    lung.ui.newSegmentButton.click()
    other = lung.ui.editor.currentSegmentID()
    segments.write(lung.session.segmentation, other, *over_all_of(lung))
    views["Red"].click(lung.centre + [0, -60, 0])
    settle(lung)
    said = got(lung.ui.answerLabel.text).splitlines()
    assert len(said) == 2 and " ms (" in said[0] and "tumour" in said[1], said
    same_masks(lung, "tumour", other)


def over_all_of(lung) -> tuple:
    """A box that holds the tumour and more, and its voxels, all set."""
    box = lung.session.shown_mask("tumour").box
    larger = Box(tuple(x - 1 for x in box.low), tuple(x + 1 for x in box.high))
    return lung.session.volume, larger, np.ones(larger.shape, bool)


def test_name_colour_and_codes_go_along(lung, views):
    segment = lung.session.segmentation.GetSegmentation().GetSegment("tumour")
    segment.SetName("Lung tumour")
    segment.SetColor(1.0, 0.5, 0.0)
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), TERMINOLOGY)
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    info = infos(lung)["tumour"]
    assert info.name == "Lung tumour" and info.colour == (255, 128, 0)
    assert info.category == ("49755003", "SCT", "Morphologically Abnormal Structure")
    assert info.type == ("4147007", "SCT", "Mass")


def test_a_segment_taken_away_comes_back_as_it_was(lung, views):
    segmentation = lung.session.segmentation.GetSegmentation()
    segment = segmentation.GetSegment("tumour")
    segment.SetName("Lung tumour")
    segment.SetColor(1.0, 0.5, 0.0)
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), TERMINOLOGY)
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    first = slicer_mask(lung, "tumour")
    segmentation.RemoveSegment("tumour")
    settle(lung)
    assert not server_mask(lung, "tumour").any()
    lung.ui.undoButton.click()
    settle(lung)
    back = segmentation.GetSegment("tumour")
    assert back.GetName() == "Lung tumour" and np.allclose(back.GetColor(), (1, 0.5, 0), atol=0.005)
    again = label_info(back)
    assert again.category[0] == "49755003" and again.type == ("4147007", "SCT", "Mass")
    assert np.array_equal(first, slicer_mask(lung, "tumour"))
    same_masks(lung, "tumour")


def test_a_segment_that_was_there_is_refined(panel, views):
    volume = load_lesion("lung2")
    node = begin(panel, volume, "old")
    box = Box((100, 100, 20), (120, 120, 24))
    segments.write(node, "old", volume, box, np.ones(box.shape, bool))
    for view in views.values():
        view.show(volume)
    panel.ui.clickButton.click()
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    views["Red"].click(np.array(matrix.MultiplyPoint([110, 110, 22, 1])[:3]))
    settle(panel)
    assert server_mask(panel, "old").any()
    same_masks(panel, "old")
    panel.ui.undoButton.click()
    settle(panel)
    assert slicer_mask(panel, "old").sum() == 1600
    same_masks(panel, "old")


def test_masking_of_the_segment_editor(lung, views):
    editor = lung.session.editor_node
    editor.SetSourceVolumeIntensityMask(True)
    editor.SetSourceVolumeIntensityMaskRange(0.0, 60.0)
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    values = slicer.util.arrayFromVolume(lung.session.volume)
    mask = slicer_mask(lung, "tumour")
    assert mask.any() and values[mask].min() >= 0 and values[mask].max() <= 60
    same_masks(lung, "tumour")
    lung.ui.undoButton.click()
    settle(lung)
    assert not slicer_mask(lung, "tumour").any(), "the cut is a part of the click: one undo takes both back"
    same_masks(lung, "tumour")
    editor.SetSourceVolumeIntensityMask(False)


def test_editable_area_of_the_segment_editor(lung, views):
    """"Inside a segment": nothing is shown, and nothing stays on the server, beyond it."""
    segmentation, editor = lung.session.segmentation.GetSegmentation(), lung.session.editor_node
    segmentation.AddEmptySegment("area", "area")
    to_ijk = vtk.vtkMatrix4x4()
    lung.session.volume.GetRASToIJKMatrix(to_ijk)
    i, j, k = (int(round(x)) for x in to_ijk.MultiplyPoint([*lung.centre, 1])[:3])
    half = Box((i - 60, j - 60, k - 10), (i + 1, j + 60, k + 10))
    segments.write(lung.session.segmentation, "area", lung.session.volume, half, np.ones(half.shape, bool))
    area = slicer_mask(lung, "area")
    editor.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
    editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    editor.SetMaskSegmentID("area")
    try:
        lung.ui.editor.setCurrentSegmentID("tumour")
        lung.ui.clickButton.click()
        views["Red"].click(lung.centre - [3, 0, 0])
        settle(lung)
        mask = slicer_mask(lung, "tumour")
        assert mask.sum() > 100 and not (mask & ~area).any()
        same_masks(lung, "tumour", "area")
        assert np.array_equal(area, slicer_mask(lung, "area")), "overlap was allowed: the other segment stays"
    finally:
        editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
        editor.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments)


def test_undo_reaches_across_segments(lung, views):
    lung.ui.clickButton.click()
    views["Red"].click(lung.centre)
    settle(lung)
    lung.ui.newSegmentButton.click()
    other = lung.ui.editor.currentSegmentID()
    views["Red"].click(lung.centre + [0, -60, 0])
    settle(lung)
    assert slicer_mask(lung, other).any()
    lung.ui.undoButton.click()
    lung.ui.undoButton.click()
    settle(lung)
    assert not slicer_mask(lung, other).any() and not slicer_mask(lung, "tumour").any()
    lung.ui.redoButton.click()
    lung.ui.redoButton.click()
    settle(lung)
    assert slicer_mask(lung, other).any()
    same_masks(lung, "tumour", other)
