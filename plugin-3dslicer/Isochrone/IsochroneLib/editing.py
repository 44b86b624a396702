"""The Segment Editor's settings: what may be overwritten, and where."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from . import segments
from .masks import Box


def overlap(editor_node, labels) -> int:
    """The Segment Editor's "modify other segments" as the server's rule."""
    if editor_node is None:
        return labels.OVERLAP_NEVER
    allow = editor_node.GetOverwriteMode() == slicer.vtkMRMLSegmentEditorNode.OverwriteNone
    return labels.OVERLAP_ALLOW if allow else labels.OVERLAP_REPLACE_UNLOCKED


def allowed(editor_node, segmentation_node, segment_id: str, volume, box: Box):
    """Where in a box the Segment Editor's masking lets a segment change; None: everywhere."""
    if editor_node is None or box.is_empty:
        return None
    mode, intensities = editor_node.GetMaskMode(), editor_node.GetSourceVolumeIntensityMask()
    everywhere = mode == slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere
    if everywhere and not intensities:
        return None
    may = np.ones(box.shape, bool)
    if not everywhere:
        reference, mask = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
        reference.SetExtent(*(x for low, high in zip(box.low, box.high) for x in (low, high - 1)))
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        reference.SetImageToWorldMatrix(matrix)
        reference.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        within = editor_node.GetMaskSegmentID() or ""
        if segmentation_node.GenerateEditMask(mask, mode, reference, segment_id, within):
            there = segments.extent_box(mask)
            both = there.overlap(box)
            may[both.slices(box.low)] = segments.view(mask)[both.slices(there.low)] == 0
    if intensities:
        low, high = editor_node.GetSourceVolumeIntensityMaskRange()
        values = segments.view(volume.GetImageData())[box.slices()]
        may &= (values >= low) & (values <= high)
    return may
