"""The prompts as the reader sees them: points and curves in Slicer's markups, which cannot be dragged."""

from __future__ import annotations

import numpy as np
import slicer

from .geometry import ras_from_lps

POSITIVE, NEGATIVE = (0.2, 0.85, 0.3), (0.95, 0.25, 0.2)
POLARITY_NEGATIVE = 2


class Marks:
    """One markups node for each prompt, so that each can go."""

    def __init__(self):
        self._nodes: dict[int, object] = {}
        self.visible = True

    def show(self, prompts: dict, world_from_node: np.ndarray) -> None:
        """Have exactly these prompts on show: {prompt id: (PlacedPrompt, segment)}."""
        for prompt_id in set(self._nodes) - set(prompts):
            slicer.mrmlScene.RemoveNode(self._nodes.pop(prompt_id))
        for prompt_id, (placed, _segment) in prompts.items():
            if prompt_id not in self._nodes:
                node = self._make(placed, world_from_node)
                if node is not None:
                    self._nodes[prompt_id] = node

    def set_visible(self, visible: bool) -> None:
        """Show or hide them all."""
        self.visible = visible
        for node in self._nodes.values():
            node.SetDisplayVisibility(visible)

    def clear(self) -> None:
        """Take them all away."""
        self.show({}, np.eye(4))

    def _make(self, placed, world_from_node: np.ndarray):
        points, closed, negative = outline(placed.prompt)
        if not points:
            return None
        curve = "vtkMRMLMarkupsClosedCurveNode" if closed else "vtkMRMLMarkupsCurveNode"
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode" if len(points) == 1 else curve)
        node.SetName(f"Isochrone {'−' if negative else '+'}{placed.prompt_id}")
        node.SetSaveWithScene(False)
        node.SetHideFromEditors(True)
        node.CreateDefaultDisplayNodes()
        if len(points) > 1:
            node.SetCurveTypeToLinear()
        for point in points:
            world = world_from_node @ np.append(ras_from_lps(point), 1.0)
            node.AddControlPoint([float(x) for x in world[:3]], "−" if negative else "+")
        display = node.GetDisplayNode()
        colour = NEGATIVE if negative else POSITIVE
        display.SetSelectedColor(*colour)
        display.SetColor(*colour)
        display.SetGlyphScale(1.6 if len(points) == 1 else 0.4)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        node.SetLocked(True)
        node.SetDisplayVisibility(self.visible)
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
