"""Clicks to masks on whole volumes, the way the server does it.

The server's own evaluation is the authority; this follows its rules closely enough to choose
checkpoints and to write first figures.
"""

from dataclasses import dataclass, field
from typing import Callable

import numpy as np
from scipy import ndimage

from .kernels import centre_click, dice
from .region import Region, guidance, normalise

NEIGHBOURS = np.ones((3, 3, 3), bool)
# (image, previous mask, positive, negative), each [side]*3 float32 -> probability [side]*3
Network = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def component_at(mask: np.ndarray, at) -> np.ndarray | None:
    """The 26-connected component of a mask within one voxel of a position; None without one."""
    labels, _ = ndimage.label(mask, NEIGHBOURS)
    around = tuple(slice(max(0, int(c) - 1), int(c) + 2) for c in np.rint(at))
    near = labels[around][labels[around] > 0]
    return labels == np.bincount(near).argmax() if near.size else None


def box_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last voxel of a mask that is not empty."""
    spans = [np.flatnonzero(mask.any(tuple(b for b in range(3) if b != a))) for a in range(3)]
    return np.array([s[0] for s in spans]), np.array([s[-1] for s in spans])


@dataclass
class Session:
    """One label on one volume: clicks so far and the mask they made."""

    image: np.ndarray
    spacing_mm: tuple[float, float, float]
    network: Network
    recipe: dict  # the recipe's [region]
    clicks: list = field(default_factory=list)
    mask: np.ndarray | None = None
    passes: int = 0  # of the network, so far
    region: Region | None = None  # of the last pass
    inputs: tuple | None = None

    def click(self, at, positive: bool) -> np.ndarray:
        """Adds a click at a voxel ``[k, j, i]``; returns the new mask."""
        if self.mask is None:
            self.mask = np.zeros(self.image.shape, bool)
        self.clicks.append((tuple(at), positive))
        touched = self._touched(np.array(at))
        centre, spacing = self._place(touched, np.array(at))
        first = touched is None
        while True:
            probability = self._run(centre, spacing)
            part = self._clicked(probability > self.recipe.get("threshold", 0.5))
            wider = min(spacing * self.recipe["zoom_out"], self.recipe["max_spacing_mm"])
            if not (touches_border(part, self.region) and wider > spacing):
                break
            spacing = wider
        if first and part.any():
            low, high = box_of(part)
            extent = (high - low + 1).max() * spacing
            side_mm = spacing * self.recipe["side_voxels"]
            if extent < self.recipe["shrink_below"] * side_mm:
                closer = extent * self.recipe["shrink_to"] / self.recipe["side_voxels"]
                closer = max(closer, self.recipe["min_spacing_mm"])
                if closer < spacing:
                    probability = self._run(centre, closer)
                    part = self._clicked(probability > self.recipe.get("threshold", 0.5))
        self._merge(touched, np.where(part, probability, 0.0))
        return self.mask

    def _touched(self, at: np.ndarray) -> np.ndarray | None:
        """The component in or beside which the click lies, or the nearest one close by."""
        found = component_at(self.mask, at)
        if found is not None or not self.mask.any():
            return found
        labels, count = ndimage.label(self.mask, NEIGHBOURS)
        best, nearest = None, np.inf
        for n, box in enumerate(ndimage.find_objects(labels)):
            extents = np.array([(s.stop - s.start) * mm for s, mm in zip(box, self.spacing_mm)])
            low, high = (np.array([getattr(s, e) for s in box]) for e in ("start", "stop"))
            gap = np.maximum(np.maximum(low - at, at - (high - 1)), 0) * self.spacing_mm
            distance = float(np.linalg.norm(gap))
            if distance < min(nearest, 0.5 * extents.max() + 5.0):
                best, nearest = n + 1, distance
        return None if best is None else labels == best

    def _place(self, touched, at) -> tuple[np.ndarray, float]:
        """Centre (voxel) and spacing (mm) of the region."""
        rule = self.recipe
        if touched is None:
            spacing = rule["first_spacing_mm"]
            return at.astype(float), float(np.clip(spacing, rule["min_spacing_mm"], rule["max_spacing_mm"]))
        low, high = box_of(touched)
        low, high = np.minimum(low, at), np.maximum(high, at)
        extent = ((high - low + 1) * self.spacing_mm).max()
        spacing = rule["context"] * extent / rule["side_voxels"]
        return (low + high) / 2, float(np.clip(spacing, rule["min_spacing_mm"], rule["max_spacing_mm"]))

    def _run(self, centre, spacing: float) -> np.ndarray:
        """One pass of the network in a region; probability ``[side]*3``."""
        rule, side = self.recipe, self.recipe["side_voxels"]
        self.region = Region(
            tuple(map(float, centre)), (spacing,) * 3, side, self.image.shape, self.spacing_mm
        )
        image = normalise(self.region.cut(self.image, 0.0), self.region.inside_volume(), rule["percentiles"])
        previous = (self.region.cut(self.mask, 0.0) > 0.5).astype(np.float32)
        clicks = [(self.region.region_from_voxel(at), sign) for at, sign in self.clicks]
        maps = [guidance(side, clicks, sign, rule["sigma_voxels"]) for sign in (True, False)]
        self.inputs = (image, previous, *maps)
        self.passes += 1
        return self.network(*self.inputs)

    def _clicked(self, prediction: np.ndarray) -> np.ndarray:
        """The components of a prediction that hold a positive click; all if none does."""
        labels, _ = ndimage.label(prediction, NEIGHBOURS)
        held = set()
        for at, sign in self.clicks:
            point = np.rint(self.region.region_from_voxel(at)).astype(int)
            if sign and ((point >= 0) & (point < self.region.side)).all():
                held.add(int(labels[tuple(point)]))
        held.discard(0)
        return np.isin(labels, sorted(held)) if held else prediction

    def _merge(self, touched, probability: np.ndarray) -> None:
        """The mask with the touched component replaced by the result, inside the region."""
        covered = self.region.paste(np.ones_like(probability), 0.0) > 0.5
        result = self.region.paste(probability, 0.0) > self.recipe.get("threshold", 0.5)
        kept = self.mask & ~covered
        if touched is not None:
            kept |= self.mask & ~touched
        self.mask = kept | result


def touches_border(part: np.ndarray, region: Region) -> bool:
    """Whether a mask meets a face of the region that lies inside the volume."""
    inside = region.inside_volume()
    for axis in range(3):
        for end in (0, -1):
            face = np.take(part & inside, end, axis)
            if face.any():
                return True
    return False


def play(session: Session, truth: np.ndarray, clicks: int) -> list[float]:
    """The centre reader: Dice after each click (kept once there is nothing left to correct)."""
    scores: list[float] = []
    for _ in range(clicks):
        found = centre_click(session.mask, truth, session.spacing_mm)
        if found is not None:
            session.click(*found)
        scores.append(float(dice(session.mask, truth)))
    return scores
