"""What all tools have in common: they listen to the mouse in every slice view, and draw what will be sent."""

from __future__ import annotations

import numpy as np
import vtk

from ..prompts import Drawing
from .trace import Trace

PRIORITY = 100.0


class SliceView:
    """One slice view: its interactor, its slice node, and the tool's trace in it."""

    def __init__(self, slice_node, interactor, render_window):
        self.node = slice_node
        self.interactor = interactor
        self.window = render_window
        self.trace = Trace(render_window)

    def ras(self, xy) -> np.ndarray:
        """RAS mm of a place in the view."""
        return np.array(self.node.GetXYToRAS().MultiplyPoint([xy[0], xy[1], 0, 1])[:3])

    def drawing(self, places: list) -> Drawing:
        """Places of the view as a drawing on its slice, at any angle."""
        matrix = self.node.GetSliceToRAS()
        u, v = (np.array([matrix.GetElement(row, column) for row in range(3)]) for column in (0, 1))
        return Drawing(np.array([self.ras(place) for place in places]), u, v)


class Tool:
    """A tool that is in use between `start` and `stop`.

    `finished(kind, drawing, inverted)` is called with each complete drawing; `inverted`: Ctrl was held.
    """

    kind = ""

    def __init__(self, finished):
        self._finished = finished
        self._tags: list = []
        self._places: list = []
        self._view: SliceView | None = None
        self.views: list = []

    def start(self, views: list) -> None:
        """Listen to these slice views."""
        self.stop()
        self.views = views
        handlers = {
            vtk.vtkCommand.LeftButtonPressEvent: self._pressed,
            vtk.vtkCommand.LeftButtonDoubleClickEvent: self._pressed,
            vtk.vtkCommand.MouseMoveEvent: self._moved,
            vtk.vtkCommand.LeftButtonReleaseEvent: self._released,
            vtk.vtkCommand.KeyPressEvent: self._key,
        }
        for view in views:
            for event, handler in handlers.items():
                self._observe(view, event, handler)

    def _observe(self, view: SliceView, event, handler) -> None:
        def observed(_caller, _event):
            if handler(view):
                view.interactor.GetCommand(tag).SetAbortFlag(1)

        tag = view.interactor.AddObserver(event, observed, PRIORITY)
        self._tags.append((view.interactor, tag))

    def stop(self) -> None:
        """Listen no more; what was begun is forgotten."""
        for interactor, tag in self._tags:
            interactor.RemoveObserver(tag)
        self._tags = []
        self._forget()

    @property
    def is_active(self) -> bool:
        """Between `start` and `stop`."""
        return bool(self._tags)

    def _pressed(self, view: SliceView) -> bool:
        if view.interactor.GetShiftKey() or view.interactor.GetAltKey():
            return False  # Slicer's own: crosshair, panning
        self._view, self._places = view, [view.interactor.GetEventPosition()]
        return True

    def _moved(self, view: SliceView) -> bool:
        if view is not self._view:
            return False
        place = view.interactor.GetEventPosition()
        if place != self._places[-1]:
            self._places.append(place)
            view.trace.show(self.outline(self._places))
        return True

    def _released(self, view: SliceView) -> bool:
        if view is not self._view:
            return False
        place, places = view.interactor.GetEventPosition(), self._places
        if place != places[-1]:
            places.append(place)
        inverted = bool(view.interactor.GetControlKey())
        self._forget()
        if self.is_complete(places):
            self._finished(self.kind, view.drawing(places), inverted)
        return True

    def _key(self, view: SliceView) -> bool:
        if view is self._view and view.interactor.GetKeySym() == "Escape":
            self._forget()
            return True
        return False

    def _forget(self) -> None:
        if self._view is not None:
            self._view.trace.hide()
        self._view, self._places = None, []

    def outline(self, places: list) -> list:
        """What is drawn while the button is down."""
        return places

    def is_complete(self, places: list) -> bool:
        """Enough to be sent."""
        return bool(places)
