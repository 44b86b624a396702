"""A segment's mask in Slicer, read and written box by box on the grid of the volume."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from .errors import Fault, ServerError
from .masks import EMPTY, Box, BoxMask, bounds

BINARY = "Binary labelmap"
SURFACE = "Closed surface"


def labelmap(node, segment_id: str):
    """The segment's image and the value that stands for it there; several segments may share an image."""
    segment = node.GetSegmentation().GetSegment(segment_id)
    return segment.GetRepresentation(BINARY), segment.GetLabelValue()


def extent_box(image) -> Box:
    """Where an image has voxels."""
    if image is None or image.GetPointData().GetScalars() is None:
        return EMPTY
    e = image.GetExtent()
    box = Box((e[0], e[2], e[4]), (e[1] + 1, e[3] + 1, e[5] + 1))
    return EMPTY if box.is_empty else box


def view(image) -> np.ndarray:
    """An image's voxels, [k, j, i], not copied."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(extent_box(image).shape)


def lies_on(image, volume) -> bool:
    """True if the image's voxels are the volume's."""
    ours, theirs = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ours)
    image.GetImageToWorldMatrix(theirs)
    apart = max(abs(ours.GetElement(r, c) - theirs.GetElement(r, c)) for r in range(4) for c in range(4))
    return apart < 1e-3


def read(node, segment_id: str, volume) -> tuple:
    """The segment as (box, voxels), cut at the volume's border."""
    image, value = labelmap(node, segment_id)
    whole = Box((0, 0, 0), tuple(volume.GetImageData().GetDimensions()))
    if extent_box(image).is_empty:
        return EMPTY, np.zeros((0, 0, 0), bool)
    if not lies_on(image, volume):
        image, value = _resampled(image, value, volume), 1
    box = extent_box(image)
    inside = box.overlap(whole)
    return inside, view(image)[inside.slices(box.low)] == value


def _resampled(image, value: int, volume):
    """The same mask on the volume's grid (nearest neighbour)."""
    one = slicer.vtkOrientedImageData()
    threshold = vtk.vtkImageThreshold()
    threshold.SetInputData(image)
    threshold.ThresholdBetween(value, value)
    threshold.SetInValue(1)
    threshold.SetOutValue(0)
    threshold.SetOutputScalarTypeToUnsignedChar()
    threshold.Update()
    one.DeepCopy(threshold.GetOutput())
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    one.SetImageToWorldMatrix(matrix)
    reference = slicer.vtkOrientedImageData()
    reference.SetExtent(volume.GetImageData().GetExtent())
    volume.GetIJKToRASMatrix(matrix)
    reference.SetImageToWorldMatrix(matrix)
    result = slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(one, reference, result, False):
        raise ServerError(Fault.REFUSED, "A segment cannot be brought onto the volume's grid.")
    return result


def ensure_grid(node, segment_id: str, volume) -> None:
    """Brings a segment that lies on another grid onto the volume's."""
    image, _ = labelmap(node, segment_id)
    if image is None or extent_box(image).is_empty or lies_on(image, volume):
        return
    box, voxels = read(node, segment_id, volume)
    node.GetSegmentation().SeparateSegmentLabelmap(segment_id)
    image, _ = labelmap(node, segment_id)
    image.Initialize()
    write(node, segment_id, volume, box, voxels)


def write(node, segment_id: str, volume, box: Box, voxels: np.ndarray) -> None:
    """Makes `voxels` the segment's content in `box`; voxels of other segments and outside the box stay."""
    if box.is_empty:
        return
    image, value = labelmap(node, segment_id)
    if image is None:
        image = slicer.vtkOrientedImageData()
        node.GetSegmentation().GetSegment(segment_id).AddRepresentation(BINARY, image)
        image, value = labelmap(node, segment_id)
    had = extent_box(image)
    both = box.overlap(had)
    if not both.is_empty:
        there = view(image)[both.slices(had.low)]
        if ((there != 0) & (there != value) & voxels[both.slices(box.low)]).any():
            # Another segment has a voxel here: from now on this one has an image of its own.
            node.GetSegmentation().SeparateSegmentLabelmap(segment_id)
            write(node, segment_id, volume, box, voxels)
            return
    # Nothing is to be kept of a box's empty rim where the image does not reach.
    needed = bounds(voxels, box.low)
    if not (had.union(needed) == had):
        _enlarge(image, had, had.union(needed), volume)
    now = extent_box(image)
    both = box.overlap(now)
    if not both.is_empty:
        there, new = view(image)[both.slices(now.low)], voxels[both.slices(box.low)]
        # Arithmetic on whole rows, some times faster than by index. Where `new`, nothing but 0 and `value` is there.
        there *= (there != value) | new
        there += (new & (there == 0)) * there.dtype.type(value)
        image.GetPointData().GetScalars().Modified()
    image.Modified()
    # The views wait for this one.
    node.GetSegmentation().InvokeEvent(slicer.vtkSegmentation.RepresentationModified, segment_id)


def _enlarge(image, had: Box, box: Box, volume) -> None:
    kept = None if had.is_empty else view(image).copy()
    kind = vtk.VTK_UNSIGNED_CHAR if kept is None else image.GetScalarType()
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image.SetImageToWorldMatrix(matrix)
    image.SetExtent(*(x for low, high in zip(box.low, box.high) for x in (low, high - 1)))
    image.AllocateScalars(kind, 1)
    voxels = view(image)
    voxels[:] = 0
    if kept is not None:
        voxels[had.slices(box.low)] = kept


def difference(node, segment_id: str, volume, shown: BoxMask):
    """Where the segment is not as `shown`: (box, changed, voxels); an empty box if nowhere."""
    box, voxels = read(node, segment_id, volume)
    whole = shown.box.union(box)
    now = np.zeros(whole.shape, bool)
    if not box.is_empty:
        now[box.slices(whole.low)] = voxels
    changed = now ^ shown.read(whole)
    tight = bounds(changed, whole.low)
    cut = tight.slices(whole.low)
    return tight, changed[cut], now[cut]


def has_surfaces(node) -> bool:
    """True if 3D surfaces are shown."""
    segmentation = node.GetSegmentation()
    ids = segmentation.GetSegmentIDs()
    return any(segmentation.GetSegment(name).GetRepresentation(SURFACE) is not None for name in ids)


def update_surfaces(node, segment_ids) -> None:
    """Makes the 3D surfaces of these segments anew; those of the others stay."""
    segmentation = node.GetSegmentation()
    for name in segment_ids:
        segment = segmentation.GetSegment(name)
        if segment is not None:
            segment.RemoveRepresentation(SURFACE)
    segmentation.CreateRepresentation(SURFACE)
