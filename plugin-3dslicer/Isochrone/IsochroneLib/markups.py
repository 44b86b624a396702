"""Slicer's own markups as prompts: points, curves and regions of interest (ROI)."""

from __future__ import annotations

import numpy as np
import vtk

from .errors import Fault, ServerError
from .prompts import Drawing, thinned

# Sides of an ROI may be off the patient's axes by so much.
ALIGNED = np.cos(np.radians(2.0))


def drawings(node, node_from_world: np.ndarray) -> list:
    """(key, kind, Drawing) of each prompt that a markups node holds, in the RAS of the volume.

    `key` tells a point that was moved from the one that it was. Raises ServerError for what is no prompt.
    """
    if node.IsA("vtkMRMLMarkupsFiducialNode"):
        numbers = [n for n in range(node.GetNumberOfControlPoints()) if is_placed(node, n)]
        return [_point(node, number, node_from_world) for number in numbers]
    if node.IsA("vtkMRMLMarkupsROINode"):
        return [_box(node, node_from_world)]
    kind = "lasso" if node.IsA("vtkMRMLMarkupsClosedCurveNode") else "scribble"
    points = node.GetCurvePointsWorld()
    places = [points.GetPoint(n) for n in range(points.GetNumberOfPoints())] if points else []
    if len(places) < 2:
        raise ServerError(Fault.REFUSED, f"{node.GetName()} has fewer than two points: draw it first.")
    drawing = Drawing(thinned(np.array(places))).moved(node_from_world)
    return [(key_of(node.GetID(), drawing), kind, drawing)]


def is_placed(node, number: int) -> bool:
    """True for a point that was put down, not for one that still hangs on the mouse."""
    return node.GetNthControlPointPositionStatus(number) == node.PositionDefined


def key_of(name: str, drawing: Drawing) -> tuple:
    """The same for a prompt that lies where it lay, to a hundredth of a millimetre."""
    return (name, *np.round(drawing.points, 2).ravel().tolist())


def _point(node, number: int, node_from_world: np.ndarray) -> tuple:
    place = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(number, place)
    drawing = Drawing(np.array([place])).moved(node_from_world)
    return key_of(node.GetNthControlPointID(number), drawing), "click", drawing


def _box(node, node_from_world: np.ndarray) -> tuple:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(node.GetObjectToWorldMatrix())
    to_world = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    axes = node_from_world[:3, :3] @ to_world[:3, :3]
    if (np.abs(axes).max(axis=0) < ALIGNED).any():
        sentence = f"{node.GetName()} is turned against the patient: turn it back; its sides must lie along the axes."
        raise ServerError(Fault.REFUSED, sentence)
    half = np.array(node.GetSize()) / 2
    corners = np.array([to_world[:3, 3] - to_world[:3, :3] @ half, to_world[:3, 3] + to_world[:3, :3] @ half])
    drawing = Drawing(corners).moved(node_from_world)
    return key_of(node.GetID(), drawing), "box_3d", drawing
