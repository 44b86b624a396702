"""The slices that deserve a look, best first, and the way there."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from .geometry import ras_from_lps

AXIS_NAMES = {1: "sagittal", 2: "coronal", 3: "axial"}


class Proposals:
    """The server's list for one segment, and where the reader is in it."""

    def __init__(self):
        self.segment = ""
        self.items: list = []
        self.scores: dict[int, tuple] = {}
        self.expected_dice = 0.0
        self.enough = False
        self.accepted = 0
        self._next = 0

    def take(self, message, segment: str) -> None:
        """A new list."""
        # Those of the sweep, before the first prompt, belong to no segment yet.
        if self.segment and segment != self.segment:
            self.accepted = 0
        self.segment, self.items, self._next = segment, list(message.proposals), 0
        self.scores = {s.axis: (s.first_index, np.array(s.scores)) for s in getattr(message, "slices", [])}
        self.expected_dice = getattr(message, "expected_dice", 0.0)
        self.enough = getattr(message, "enough", False)

    def clear(self) -> None:
        """Nothing is proposed."""
        self.__init__()

    def step(self):
        """The next proposal in turn; after the last, the first again. None if there is none."""
        if not self.items:
            return None
        item = self.items[self._next % len(self.items)]
        self._next += 1
        return item

    @property
    def current(self):
        """The one that was stepped to last; None before that."""
        return self.items[(self._next - 1) % len(self.items)] if self.items and self._next else None

    @property
    def row(self) -> int:
        """Its place in the list; -1 if none."""
        return (self._next - 1) % len(self.items) if self.items and self._next else -1

    def choose(self, row: int):
        """The proposal in a row of the list."""
        self._next = row + 1
        return self.items[row]

    def sentence(self) -> str:
        """How far the reader is."""
        if not self.items:
            return "No slice is proposed."
        parts = [f"{len(self.items)} slices to look at, {self.accepted} accepted"]
        if self.expected_dice:
            parts.append(f"expected Dice {self.expected_dice:.2f}")
        if self.enough:
            parts.append("further corrections hardly pay")
        return "; ".join(parts) + "."


def describe(proposal, volume) -> str:
    """A proposal in a few words."""
    return f"{orientation(ras_normal(proposal), volume)} {proposal.index}"


def ras_normal(proposal) -> np.ndarray:
    """The plane's normal in RAS."""
    return ras_from_lps(proposal.plane_normal)


def orientation(normal: np.ndarray, volume=None) -> str:
    """The name of the orientation whose slices are most nearly at right angles to `normal` (RAS)."""
    return ("Sagittal", "Coronal", "Axial")[int(np.abs(normal).argmax())]


def view_for(normal: np.ndarray, slice_nodes: list):
    """The slice view whose plane is the most nearly parallel to the proposal's."""

    def parallel(node) -> float:
        matrix = node.GetSliceToRAS()
        return abs(sum(matrix.GetElement(row, 2) * normal[row] for row in range(3)))

    return max(slice_nodes, key=parallel) if slice_nodes else None


def jump(proposal, slice_nodes: list, world_from_node: np.ndarray):
    """Bring the right view to the slice, centred on the spot. Returns the slice node.

    `world_from_node`: 4×4 RAS matrix of a volume under a rigid transform.
    """
    normal = world_from_node[:3, :3] @ ras_normal(proposal)
    spot = (world_from_node @ np.append(ras_from_lps(proposal.spot), 1.0))[:3]
    node = view_for(normal, slice_nodes)
    if node is not None:
        matrix = node.GetSliceToRAS()
        tilted = abs(sum(matrix.GetElement(row, 2) * normal[row] for row in range(3))) < np.cos(np.radians(2))
        if tilted:
            turn(node, normal)
        node.JumpSliceByCentering(*spot)
    return node


def turn(node, normal: np.ndarray) -> None:
    """Turn a slice view so that it looks along `normal` (RAS), its rows kept as level as may be."""
    old = node.GetSliceToRAS()
    across = np.array([old.GetElement(row, 0) for row in range(3)])
    facing = np.array([old.GetElement(row, 2) for row in range(3)])
    z = normal if facing @ normal >= 0 else -normal
    x = across - (across @ z) * z
    x /= np.linalg.norm(x)
    y = np.cross(z, x) if np.linalg.det(_three(old)) > 0 else np.cross(x, z)
    for column, vector in enumerate((x, y, z)):
        for row in range(3):
            node.GetSliceToRAS().SetElement(row, column, vector[row])
    node.UpdateMatrices()


def _three(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    return np.array([[matrix.GetElement(r, c) for c in range(3)] for r in range(3)])


def slice_nodes() -> list:
    """Of all views of the layout."""
    layout = slicer.app.layoutManager()
    return [layout.sliceWidget(name).mrmlSliceNode() for name in layout.sliceViewNames()]
