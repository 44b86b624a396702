"""The uncertainty, laid over the slice views."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from .geometry import LPS_FROM_RAS

NAME = "Isochrone uncertainty"
# Natural unit of mutual information: a coin toss.
FULL = float(np.log(2))


class Overlay:
    """A volume of its own, in a layer of its own over all slice views. Low values are transparent.

    Background, foreground and label layer stay the reader's, so that PET over CT can be looked at together with it.
    """

    def __init__(self):
        self.node = None
        self.opacity = 0.5
        self.colour_map = "Iron"

    @staticmethod
    def is_possible() -> bool:
        """Slice views have more than three layers: Slicer 5.10 and later."""
        return hasattr(slicer.vtkMRMLSliceCompositeNode, "SetNthLayerVolumeID")

    def show(self, values: np.ndarray, lps_from_voxel: np.ndarray, parent_transform_id: str | None = None) -> None:
        """`values` [k, j, i] in nats on a grid given by its 4×4 matrix in LPS mm."""
        if self.node is None or self.node.GetScene() is None:
            self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", NAME)
            self.node.CreateDefaultDisplayNodes()
            self.node.SetSaveWithScene(False)
            self.node.SetHideFromEditors(True)
        image = vtk.vtkImageData()
        image.SetDimensions(*values.shape[::-1])
        image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values, np.float32).ravel(), deep=True))
        matrix = vtk.vtkMatrix4x4()
        for row, numbers in enumerate(LPS_FROM_RAS @ lps_from_voxel):
            for column, number in enumerate(numbers):
                matrix.SetElement(row, column, number)
        self.node.SetIJKToRASMatrix(matrix)
        self.node.SetAndObserveImageData(image)
        self.node.SetAndObserveTransformNodeID(parent_transform_id)
        self._style(float(values.max()) if values.size else FULL)
        self._put()

    def _style(self, highest: float) -> None:
        display = self.node.GetDisplayNode()
        colours = slicer.mrmlScene.GetFirstNodeByName(self.colour_map)
        if colours is not None:
            display.SetAndObserveColorNodeID(colours.GetID())
        top = min(max(highest, 1e-3), FULL)
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, top)
        display.SetAutoThreshold(False)
        display.SetThreshold(0.1 * top, 10.0)
        display.SetApplyThreshold(True)

    def restyle(self, opacity: float, colour_map: str) -> None:
        """Another opacity (0 to 1) or colour map (a colour node's name)."""
        self.opacity, self.colour_map = opacity, colour_map
        if self.node is not None and self.node.GetScene() is not None:
            self._style(self.node.GetDisplayNode().GetWindowLevelMax())
            self._put()

    def _put(self) -> None:
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            layer = self._layer(composite)
            composite.SetNthLayerVolumeID(layer, self.node.GetID())
            composite.SetNthLayerOpacity(layer, self.opacity)

    def _layer(self, composite) -> int:
        """The layer that is ours in a view, or else the first free one over the usual three."""
        layer = composite.Layer_Last
        while composite.GetNthLayerVolumeID(layer) not in (None, "", self.node.GetID()):
            layer += 1
        return layer

    def hide(self) -> None:
        """Take it off the views."""
        if self.node is None:
            return
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            layer = self._layer(composite)
            if composite.GetNthLayerVolumeID(layer):
                composite.SetNthLayerVolumeID(layer, None)

    def remove(self) -> None:
        """Take the volume out of the scene."""
        self.hide()
        if self.node is not None and self.node.GetScene() is not None:
            slicer.mrmlScene.RemoveNode(self.node)
        self.node = None
