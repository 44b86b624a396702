"""What a reader does with the mouse in a slice view; the same in a full Slicer and on the stand-ins."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


class View:
    """One of the layout's slice views."""

    def __init__(self, name: str):
        self.widget = slicer.app.layoutManager().sliceWidget(name)
        self.node = self.widget.mrmlSliceNode()
        self.interactor = self.widget.sliceView().interactor()
        self.window = self.widget.sliceView().renderWindow()

    def show(self, volume) -> None:
        """The volume as background, filling the view."""
        self.widget.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self.widget.sliceLogic().FitSliceToAll()

    def xy(self, ras) -> tuple:
        """The pixel at a point of the slice."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), inverse)
        return tuple(int(round(x)) for x in inverse.MultiplyPoint([*ras, 1])[:2])

    def ras(self, xy) -> np.ndarray:
        """The point of the slice at a pixel."""
        return np.array(self.node.GetXYToRAS().MultiplyPoint([*xy, 0, 1])[:3])

    def zoom(self, factor: float) -> None:
        """Closer (factor below 1)."""
        x, y, z = self.node.GetFieldOfView()
        self.node.SetFieldOfView(x * factor, y * factor, z)

    def drag(self, places: list, control: bool = False) -> None:
        """Press at the first pixel, move through the others, release at the last."""
        event = lambda x, y: self.interactor.SetEventInformation(int(x), int(y), int(control), 0, chr(0), 0, None)
        event(*places[0])
        self.interactor.MouseMoveEvent()
        self.interactor.LeftButtonPressEvent()
        for place in places[1:]:
            event(*place)
            self.interactor.MouseMoveEvent()
        self.interactor.LeftButtonReleaseEvent()

    def click(self, ras, control: bool = False) -> None:
        """Bring the slice to a point and click it."""
        self.node.JumpSliceByCentering(*ras)
        self.drag([self.xy(ras)], control)

    def turn(self, axis: str, degrees: float) -> None:
        """Tilt the view about one of the patient's axes."""
        transform = vtk.vtkTransform()
        transform.SetMatrix(self.node.GetSliceToRAS())
        getattr(transform, f"Rotate{axis}")(degrees)
        self.node.GetSliceToRAS().DeepCopy(transform.GetMatrix())
        self.node.UpdateMatrices()

    def picture(self, path) -> np.ndarray:
        """What the view shows, as PNG; and its pixels."""
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        if path:
            writer = vtk.vtkPNGWriter()
            writer.SetInputConnection(grab.GetOutputPort())
            writer.SetFileName(str(path))
            writer.Write()
        return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
