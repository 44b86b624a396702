"""What was drawn in a slice view as the server's prompts. Points are RAS mm, as Slicer's views give them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .geometry import LPS_FROM_RAS


class Drawing(NamedTuple):
    """Points (N×3) in RAS mm, and the directions u and v of the slice that they were drawn on; None: on no slice."""

    points: np.ndarray
    u: np.ndarray | None = None
    v: np.ndarray | None = None

    def moved(self, matrix: np.ndarray) -> Drawing:
        """Under a rigid 4×4 matrix."""
        turn = matrix[:3, :3]
        u, v = (None if d is None else turn @ d for d in (self.u, self.v))
        return Drawing(self.points @ turn.T + matrix[:3, 3], u, v)


class Prompts:
    """Makes `Prompt` messages; `messages` as from `client.messages`."""

    def __init__(self, messages):
        self._pb = messages.prompts
        self._geometry = messages.geometry

    def make(self, kind: str, drawing: Drawing, positive: bool, radius_mm: float = 0.0):
        """A prompt of a kind: click, scribble, box_2d, lasso, or box_3d (two opposite corners, the patient's axes)."""
        pb = self._pb
        points = [self._point(p) for p in drawing.points]
        plane = None
        if drawing.u is not None:
            u, v = self._point(drawing.u), self._point(drawing.v)
            plane = self._geometry.Plane(origin=points[0], u=u, v=v)
        polarity = pb.POLARITY_POSITIVE if positive else pb.POLARITY_NEGATIVE
        if kind == "click":
            return pb.Prompt(click=pb.Click(position=points[-1], polarity=polarity))
        if kind == "scribble":
            made = pb.Scribble(points=points, radius_mm=radius_mm, plane=plane, polarity=polarity)
            return pb.Prompt(scribble=made)
        if kind == "box_2d":
            made = pb.Box2D(corner=points[0], opposite=points[-1], plane=plane, polarity=polarity)
            return pb.Prompt(box_2d=made)
        if kind == "box_3d":
            corners = {"corner": points[0], "opposite": points[-1], "axes": pb.BOX_AXES_LPS}
            return pb.Prompt(box_3d=pb.Box3D(**corners, polarity=polarity))
        return pb.Prompt(lasso=pb.Lasso(points=points, plane=plane, polarity=polarity))

    def _point(self, ras):
        x, y, z = LPS_FROM_RAS[:3, :3] @ np.asarray(ras, float)
        return self._geometry.Point(x=x, y=y, z=z)


def thinned(points: np.ndarray, limit: int = 2000) -> np.ndarray:
    """At most `limit` points of a line, its ends among them."""
    if len(points) <= limit:
        return points
    return points[np.linspace(0, len(points) - 1, limit).astype(int)]
