"""Clicks to masks on whole volumes, the way the server does it.

The server's own evaluation is the authority; this follows its rules closely enough to choose
checkpoints and to write first figures.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from .kernels import centre_click, dice
from .region import Region, first_spacing, first_spacings, guidance, normalise

NEIGHBOURS = np.ones((3, 3, 3), bool)
# (images [C, …], previous mask, positive, negative), each of [side]*3 float32 -> probability [side]*3, expected Dice
Network = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, float]]


def components_near(mask: np.ndarray, at: np.ndarray, spacing_mm, reach_mm: float) -> np.ndarray:
    """The 26-connected components that hold a voxel; of a voxel in none, those within reach."""
    labels, _ = ndimage.label(mask, NEIGHBOURS)
    if mask[tuple(at)]:
        return labels == labels[tuple(at)]
    reach = np.ceil(reach_mm / np.array(spacing_mm)).astype(int)
    around = tuple(slice(max(0, c - r), c + r + 1) for c, r in zip(at, reach))
    places = np.argwhere(labels[around] > 0)
    offsets = (places + [s.start for s in around] - at) * spacing_mm
    near = (offsets**2).sum(1) <= reach_mm**2
    return np.isin(labels, np.unique(labels[around][tuple(places[near].T)]))


def box_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last voxel of a mask that is not empty."""
    spans = [np.flatnonzero(mask.any(tuple(b for b in range(3) if b != a))) for a in range(3)]
    return np.array([s[0] for s in spans]), np.array([s[-1] for s in spans])


@dataclass
class Session:
    """One label on one volume: clicks so far and the mask they made."""

    images: list[np.ndarray]  # one a channel, on one grid; guidance is computed in the first
    spacing_mm: tuple[float, float, float]
    network: Network
    recipe: dict  # the recipe's [region], with the encoding of its [guidance]
    clicks: list = field(default_factory=list)
    mask: np.ndarray | None = None
    active: np.ndarray | None = None  # the component that the last click was about
    passes: int = 0  # of the network, so far
    region: Region | None = None  # of the last pass
    expected: float = 0.0  # Dice, by the network, of the last pass
    several: bool = False  # a first click is looked at from every first spacing, and the best answer is taken
    inputs: tuple | None = None

    def click(self, at, positive: bool) -> np.ndarray:
        """Adds a click at a voxel ``[k, j, i]``; returns the new mask."""
        at, rule = np.array(at), self.recipe
        if self.mask is None:
            self.mask = np.zeros(self.images[0].shape, bool)
        self.clicks.append((tuple(at), positive))
        reach = rule["reach_voxels"] * rule["first_spacing_mm"]
        self.active = components_near(self.mask, at, self.spacing_mm, reach)
        if self.active.any():
            centre, extent = self._around(self.active, at)
            spacing = self._limited(rule["context"] * extent / rule["side_voxels"])
        else:
            centre, spacing = at.astype(float), first_spacing(rule, self.spacing_mm)
            if self.several:
                spacing = self._best_spacing(centre, at)
        probability, part, zooms = *self._run(centre, spacing, at), 0
        while self._meets_border(part):
            wider = self._limited(spacing * rule["zoom_out"])
            if wider <= spacing * 1.001 or zooms == 6:
                break
            centre, _ = self._around(part, at, in_region=True)
            spacing, zooms = wider, zooms + 1
            probability, part = self._run(centre, spacing, at)
        if not self.active.any() and zooms == 0 and part.any() and not self.several:
            probability, part = self._closer(probability, part, spacing, at)
        self._merge(np.where(part | (probability < 0.5), probability, 0.0))
        return self.mask

    def _best_spacing(self, centre, at) -> float:
        """Of the first spacings, the one whose answer the network expects most of."""
        good = {}
        for spacing in first_spacings(self.recipe, self.spacing_mm):
            self._run(centre, spacing, at)
            good[spacing] = self.expected
        return max(good, key=good.get)

    def _limited(self, spacing: float) -> float:
        return float(np.clip(spacing, self.recipe["min_spacing_mm"], self.recipe["max_spacing_mm"]))

    def _around(self, mask, at, in_region: bool = False) -> tuple[np.ndarray, float]:
        """Centre (voxel) and longest side (mm) of the box of a mask and a click."""
        low, high = (edge + e for edge, e in zip(box_of(mask), (-0.5, 0.5)))
        if in_region:
            low, high = self.region.voxel_from_region(low), self.region.voxel_from_region(high)
        low, high = np.minimum(low, at), np.maximum(high, at)
        return (low + high) / 2, float(((high - low) * self.spacing_mm).max())

    def _closer(self, probability, part, spacing: float, at):
        """Finer passes over a component that is small in its first region, until one holds it."""
        rule, coarse = self.recipe, (probability, part)
        centre, extent = self._around(part, at, in_region=True)
        finer = self._limited(rule["shrink_to"] * extent / rule["side_voxels"])
        if extent >= rule["shrink_below"] * spacing * rule["side_voxels"]:
            return coarse
        before = self.region, self.inputs
        while finer < 0.95 * spacing:
            probability, part = self._run(centre, finer, at)
            if not part.any():
                break
            if not self._meets_border(part):
                return probability, part
            centre, _ = self._around(part, at, in_region=True)
            finer *= rule["zoom_out"]
        self.region, self.inputs = before
        return coarse

    def _run(self, centre, spacing: float, at) -> tuple[np.ndarray, np.ndarray]:
        """One pass in a region that holds the newest click: probability, and what counts of it."""
        rule, side = self.recipe, self.recipe["side_voxels"]
        reach = (side / 2 - 8) * spacing / np.array(self.spacing_mm)
        centre = np.clip(centre, at - reach, at + reach)
        self.region = Region(
            tuple(map(float, centre)), (spacing,) * 3, side, self.images[0].shape, self.spacing_mm
        )
        inside = self.region.inside_volume()
        channels = np.stack([normalise(self.region.cut(v, 0.0), inside, rule["percentiles"]) for v in self.images])
        previous = (self.region.cut(self.active, 0.0) > 0.5).astype(np.float32)
        clicks = [(self.region.region_from_voxel(c), sign) for c, sign in self.clicks]
        maps = [guidance(channels[0], clicks, sign, rule["encoding"], spacing) for sign in (True, False)]
        self.inputs = (channels, previous, *maps)
        self.passes += 1
        probability, self.expected = self.network(*self.inputs)
        return probability, self._kept(probability >= 0.5, previous > 0)

    def _kept(self, prediction: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Connected parts that hold a positive click of this lesion or overlap its old mask."""
        labels, _ = ndimage.label(prediction, NEIGHBOURS)
        held = set(np.unique(labels[previous]).tolist())
        for at, sign in self.clicks:
            point = np.rint(self.region.region_from_voxel(at)).astype(int)
            elsewhere = self.mask[at] and not self.active[at]
            if sign and not elsewhere and ((point >= 0) & (point < self.region.side)).all():
                held.add(int(labels[tuple(point)]))
        return np.isin(labels, sorted(held - {0}))

    def _meets_border(self, part: np.ndarray) -> bool:
        """Whether a mask meets a face of the region beyond which the volume goes on."""
        if not part.any():
            return False
        low, high = box_of(part)
        first, last = (
            self.region.region_from_voxel(v) for v in (np.full(3, -0.5), np.array(self.mask.shape) - 0.5)
        )
        side = self.region.side
        return bool((((low == 0) & (first < -1)) | ((high == side - 1) & (last > side))).any())

    def _merge(self, probability: np.ndarray) -> None:
        """Rewrites the active component inside the region; clicked voxels get their sign."""
        result = self.region.paste(probability, -1.0)
        old = self.mask
        self.mask = np.where(result < 0, old, (result >= 0.5) | (old & ~self.active))
        at, sign = self.clicks[-1]
        if self.recipe["local_from"] and len(self.clicks) >= self.recipe["local_from"] and self.active.any():
            self.mask = correction(old, self.mask, at, sign)
        elsewhere = old & ~self.active
        for at, sign in self.clicks:
            point = self.region.region_from_voxel(at)
            inside = ((point >= -0.5) & (point <= self.region.side - 0.5)).all()
            if inside and not elsewhere[at]:
                self.mask[at] = sign


def correction(old: np.ndarray, new: np.ndarray, at, sign: bool) -> np.ndarray:
    """The old mask with those changes that are of a click's sign and connected to it."""
    changes, _ = ndimage.label((new != old) & (new == sign), NEIGHBOURS)
    return np.where((changes == changes[at]) & (changes > 0), new, old)


def play(session: Session, truth: np.ndarray, clicks: int) -> list[float]:
    """The centre reader: Dice after each click (kept once there is nothing left to correct)."""
    scores: list[float] = []
    for _ in range(clicks):
        found = centre_click(session.mask, truth, session.spacing_mm)
        if found is not None:
            session.click(*found)
        scores.append(float(dice(session.mask, truth)))
    return scores
