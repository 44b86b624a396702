"""The prompts as the reader sees them: points and curves in Slicer's markups, which cannot be dragged."""

from __future__ import annotations

import numpy as np
import slicer

from .geometry import ras_from_lps

POSITIVE, NEGATIVE = (0.2, 0.85, 0.3), (0.95, 0.25, 0.2)
POLARITY_NEGATIVE = 2


class Marks:
    """Clicks share two nodes of points, as a new node in the scene takes longer than a click; shapes have one each."""

    def __init__(self):
        self._points: dict[bool, object] = {}
        self._at: dict[int, tuple] = {}
        self._curves: dict[int, object] = {}
        self.visible = True

    def prepare(self) -> None:
        """Make the nodes of points before the first click."""
        for negative in (False, True):
            if negative not in self._points or self._points[negative].GetScene() is None:
                self._points[negative] = self._node("vtkMRMLMarkupsFiducialNode", negative, 1.6)

    def show(self, prompts: dict, world_from_node: np.ndarray) -> None:
        """Have exactly these prompts on show: {prompt id: (PlacedPrompt, segment)}."""
        for prompt_id in (set(self._curves) | set(self._at)) - set(prompts):
            self._remove(prompt_id)
        for prompt_id, (placed, _segment) in prompts.items():
            if prompt_id not in self._curves and prompt_id not in self._at:
                self._add(prompt_id, placed, world_from_node)

    def set_visible(self, visible: bool) -> None:
        """Show or hide them all."""
        self.visible = bool(visible)
        for node in (*self._points.values(), *self._curves.values()):
            node.SetDisplayVisibility(self.visible)

    def clear(self) -> None:
        """Take them all away."""
        for node in (*self._points.values(), *self._curves.values()):
            if node.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(node)
        self._points, self._at, self._curves = {}, {}, {}

    def _remove(self, prompt_id: int) -> None:
        if prompt_id in self._curves:
            slicer.mrmlScene.RemoveNode(self._curves.pop(prompt_id))
        else:
            node, point = self._at.pop(prompt_id)
            node.RemoveNthControlPoint(node.GetNthControlPointIndexByID(point))

    def _add(self, prompt_id: int, placed, world_from_node: np.ndarray) -> None:
        points, closed, negative = outline(placed.prompt)
        if not points:
            return
        if len(points) == 1:
            self.prepare()
            node = self._points[negative]
        else:
            kind = "vtkMRMLMarkupsClosedCurveNode" if closed else "vtkMRMLMarkupsCurveNode"
            node = self._curves[prompt_id] = self._node(kind, negative, 0.4)
            node.SetCurveTypeToLinear()
        node.SetLocked(False)
        for point in points:
            world = world_from_node @ np.append(ras_from_lps(point), 1.0)
            index = node.AddControlPoint([float(x) for x in world[:3]], "")
        node.SetLocked(True)
        if len(points) == 1:
            self._at[prompt_id] = node, node.GetNthControlPointID(index)

    def _node(self, kind: str, negative: bool, glyph: float):
        node = slicer.mrmlScene.AddNewNodeByClass(kind)
        node.SetName(f"Isochrone {'−' if negative else '+'}")
        node.SetSaveWithScene(False)
        node.SetHideFromEditors(True)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        for colour in (display.SetSelectedColor, display.SetColor):
            colour(*(NEGATIVE if negative else POSITIVE))
        display.SetGlyphScale(glyph)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        node.SetDisplayVisibility(self.visible)
        node.SetLocked(True)
        return node


def outline(prompt) -> tuple:
    """(points in LPS, closed, negative) of a prompt; no points where there is nothing to draw."""
    kind = prompt.WhichOneof("kind")
    shape = getattr(prompt, kind) if kind else None
    negative = getattr(shape, "polarity", 0) == POLARITY_NEGATIVE
    if kind == "click":
        return [shape.position], False, negative
    if kind == "scribble":
        return _some(shape.points), False, negative
    if kind == "lasso":
        return _some(shape.points), True, negative
    if kind == "polygon":
        return _some(shape.vertices), True, negative
    if kind == "box_2d":
        return _corners(shape), True, negative
    return [], False, negative


def _some(points, limit: int = 60) -> list:
    points = list(points)
    return [points[i] for i in np.linspace(0, len(points) - 1, min(limit, len(points))).astype(int)]


def _corners(box) -> list:
    vector = lambda p: np.array([p.x, p.y, p.z])
    u = vector(box.plane.u) / np.linalg.norm(vector(box.plane.u))
    start, end = vector(box.corner), vector(box.opposite)
    along = ((end - start) @ u) * u
    kind = type(box.corner)
    return [kind(x=p[0], y=p[1], z=p[2]) for p in (start, start + along, end, end - along)]
