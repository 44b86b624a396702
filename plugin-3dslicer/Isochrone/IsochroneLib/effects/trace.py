"""The line that follows the mouse in a slice view."""

from __future__ import annotations

import vtk


class Trace:
    """A polyline in display coordinates, over everything else."""

    def __init__(self, render_window, colour=(1.0, 0.9, 0.2)):
        self._window = render_window
        self._data = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._data)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetColor(*colour)
        self._actor.GetProperty().SetLineWidth(2)
        self._renderer = None

    def show(self, places: list) -> None:
        """Draw a line through places (x, y)."""
        points, line = vtk.vtkPoints(), vtk.vtkCellArray()
        line.InsertNextCell(len(places))
        for number, (x, y) in enumerate(places):
            points.InsertNextPoint(x, y, 0)
            line.InsertCellPoint(number)
        self._data.SetPoints(points)
        self._data.SetLines(line)
        if self._renderer is None:
            self._renderer = self._window.GetRenderers().GetItemAsObject(0)
            self._renderer.AddViewProp(self._actor)
        self._window.Render()

    def hide(self) -> None:
        """Take the line away."""
        if self._renderer is not None:
            self._renderer.RemoveViewProp(self._actor)
            self._renderer = None
            self._window.Render()
