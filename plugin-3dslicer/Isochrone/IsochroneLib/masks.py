"""Masks as they travel and as they are kept. Arrays are [k, j, i]; voxels and boxes are (i, j, k)."""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """A half-open box of voxels: low ≤ voxel < high, each (i, j, k)."""

    low: tuple
    high: tuple

    @property
    def shape(self) -> tuple:
        """Of an array that fills it."""
        return tuple(max(high - low, 0) for low, high in zip(self.low[::-1], self.high[::-1]))

    @property
    def is_empty(self) -> bool:
        """No voxel."""
        return 0 in self.shape

    def slices(self, origin=(0, 0, 0)) -> tuple:
        """Where it lies in an array whose first voxel is `origin`."""
        return tuple(slice(low - o, high - o) for low, high, o in zip(self.low[::-1], self.high[::-1], origin[::-1]))

    def union(self, other: Box) -> Box:
        """The box round both."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        return Box(tuple(map(min, self.low, other.low)), tuple(map(max, self.high, other.high)))

    def overlap(self, other: Box) -> Box:
        """What is in both; perhaps empty."""
        return Box(tuple(map(max, self.low, other.low)), tuple(map(min, self.high, other.high)))


EMPTY = Box((0, 0, 0), (0, 0, 0))


class Delta(NamedTuple):
    """New content of a box of one segment's mask."""

    segment_id: str
    box: Box
    voxels: np.ndarray


class Edit(NamedTuple):
    """What the reader painted or erased: where `changed`, the mask is now `voxels`."""

    segment_id: str
    box: Box
    changed: np.ndarray
    voxels: np.ndarray


def pack(voxels: np.ndarray) -> bytes:
    """A mask as the server wants it: bits, lowest first, i fastest, as a zlib stream."""
    return zlib.compress(np.packbits(voxels.ravel(), bitorder="little").tobytes(), 1)


def unpack(data: bytes, box: Box) -> np.ndarray:
    """The contrary of `pack`."""
    count = int(np.prod(box.shape))
    bits = np.frombuffer(zlib.decompress(data), np.uint8)
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool).reshape(box.shape)


class BoxMask:
    """A mask of which only a box round what is set is kept."""

    def __init__(self):
        self.box = EMPTY
        self._voxels = np.zeros((0, 0, 0), bool)

    def read(self, box: Box) -> np.ndarray:
        """A copy of a box."""
        found = np.zeros(box.shape, bool)
        both = self.box.overlap(box)
        if not both.is_empty:
            found[both.slices(box.low)] = self._voxels[both.slices(self.box.low)]
        return found

    def write(self, box: Box, voxels: np.ndarray) -> None:
        """Replace the content of a box."""
        whole = self.box.union(box)
        if whole != self.box:
            self._voxels, self.box = self.read(whole), whole
        if not box.is_empty:
            self._voxels[box.slices(self.box.low)] = voxels

    def tighten(self) -> None:
        """Keep no more than the box round what is set."""
        box = bounds(self._voxels, self.box.low)
        self._voxels, self.box = self.read(box), box

    @property
    def voxels(self) -> np.ndarray:
        """Everything inside `box`."""
        return self._voxels


def chosen(where: np.ndarray, these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`these` where `where`, else `others`: np.where of masks, some times faster."""
    return others ^ (where & (these ^ others))


def bounds(voxels: np.ndarray, origin=(0, 0, 0)) -> Box:
    """The box round what is set; `origin` is the array's first voxel."""
    across = voxels.any(axis=0)  # once over everything; what follows is small
    hits = [np.flatnonzero(line) for line in (across.any(axis=0), across.any(axis=1), voxels.any(axis=(1, 2)))]
    if not len(hits[0]):
        return EMPTY
    low = tuple(int(hit[0]) + o for hit, o in zip(hits, origin))
    high = tuple(int(hit[-1]) + 1 + o for hit, o in zip(hits, origin))
    return Box(low, high)
