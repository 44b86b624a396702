"""Between Slicer's RAS and the server's LPS, both in mm, and between a node's grid and the server's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .masks import Box

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ras_from_lps(point) -> np.ndarray:
    """Slicer's coordinates of a `Point`, mm."""
    return np.array([-point.x, -point.y, point.z])


def world_from_voxel(grid) -> np.ndarray:
    """The 4×4 matrix of a `Grid`, LPS mm."""
    matrix = np.eye(4)
    for column, point in enumerate((grid.step_i, grid.step_j, grid.step_k, grid.origin)):
        matrix[:3, column] = point.x, point.y, point.z
    return matrix


def grid_size(grid) -> tuple:
    """Voxels along (i, j, k)."""
    return grid.size.i, grid.size.j, grid.size.k


class Flips(NamedTuple):
    """How the voxels of a node in Slicer lie on the server's grid: as they are, or counted from the other end."""

    size: tuple
    flipped: tuple

    def box(self, box: Box) -> Box:
        """The same box on the other grid, either way."""
        if not any(self.flipped):
            return box
        ends = zip(self.size, self.flipped, box.low, box.high)
        low, high = zip(*((n - b, n - a) if flipped else (a, b) for n, flipped, a, b in ends))
        return Box(tuple(low), tuple(high))

    def array(self, voxels: np.ndarray) -> np.ndarray:
        """The same voxels in the other order, either way."""
        axes = tuple(2 - axis for axis in range(3) if self.flipped[axis])
        return np.flip(voxels, axes) if axes else voxels


def compare_grids(node_matrix: np.ndarray, node_size: tuple, grid) -> Flips | None:
    """How a node's grid (4×4 LPS from voxel, size) lies on the server's; None if they are different places."""
    if tuple(node_size) != grid_size(grid):
        return None
    server = world_from_voxel(grid)
    tolerance_mm = 0.05 * np.linalg.norm(server[:3, :3], axis=0).min()
    flipped = tuple(bool(node_matrix[:3, a] @ server[:3, a] < 0) for a in range(3))
    expected = server.copy()
    for axis in range(3):
        if flipped[axis]:
            expected[:3, 3] += server[:3, axis] * (node_size[axis] - 1)
            expected[:3, axis] = -server[:3, axis]
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
    corners[:, :3] *= np.array(node_size) - 1
    apart_mm = np.abs((node_matrix - expected) @ corners.T).max()
    return Flips(tuple(node_size), flipped) if apart_mm <= tolerance_mm else None
