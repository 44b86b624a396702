"""Supervoxels as targets without an annotation: basins of the gradient in a region, one or several that touch.

ScribblePrompt (Wong et al., ECCV 2024) draws a random superpixel as the target of half of its samples; here a
watershed of the gradient of a randomly windowed copy, in three dimensions and in the region itself. The image stays as
it is, only what to find in it is invented. One click does not say the scale of such a target: most samples
give a box, a line, a scribble or a mask to correct, and the network gives several answers.
"""

import heapq

import numpy as np
from scipy import ndimage

FEW = 24  # voxels of the smallest target
FACES = 0.2  # of a target's surface, at most, on the region's faces


def windowed(rng: np.random.Generator, cube: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A copy through a random soft window, at times inverted: what differs in it decides where edges are."""
    values = cube[inside][::5]
    wide = np.subtract(*np.percentile(values, (97, 3))) * np.exp(rng.uniform(np.log(0.15), np.log(1.5)))
    level = np.quantile(values, rng.uniform(0.05, 0.95))
    return np.tanh(2 * (cube - level) / max(float(wide), 1e-6)).astype(np.float32)


class Basins:
    """The watershed of one region: labels ``[side]*3`` from 0, sizes, and the graph of those that touch."""

    def __init__(self, rng: np.random.Generator, cube: np.ndarray, inside: np.ndarray) -> None:
        copy = ndimage.gaussian_filter(windowed(rng, cube, inside), np.exp(rng.uniform(np.log(0.5), np.log(2.2))))
        slope = np.sqrt(sum(g * g for g in np.gradient(copy)))
        size = int(rng.choice([3, 5, 7, 11]))
        low = slope <= ndimage.minimum_filter(slope, size)
        markers, count = ndimage.label(low & inside)
        scale = 4000 / max(float(np.quantile(slope[::2, ::2, ::2], 0.995)), 1e-9)
        levels = (slope * scale).clip(0, 6000).astype(np.uint16)
        markers = markers.astype(np.int32)
        markers[~inside] = count + 1
        self.count = count + 1
        self.labels = ndimage.watershed_ift(levels, markers) - 1
        self.outside = count  # the basin of what is not in the volume
        self.sizes = np.bincount(self.labels.ravel(), minlength=self.count)
        self.copy = copy
        self._connect(slope)

    def _connect(self, slope: np.ndarray) -> None:
        """Pairs that touch, with the mean slope between them."""
        codes, steep = [], []
        for axis in range(3):
            a, b = (np.moveaxis(self.labels, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
            s, t = (np.moveaxis(slope, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
            differ = a != b
            x, y = a[differ].astype(np.int64), b[differ].astype(np.int64)
            codes.append(np.minimum(x, y) * self.count + np.maximum(x, y))
            steep.append(np.minimum(s[differ], t[differ]))
        pair, back, faces = np.unique(np.concatenate(codes), return_inverse=True, return_counts=True)
        weight = np.bincount(back, np.concatenate(steep)) / faces
        self.around: dict[int, list[tuple[int, float]]] = {}
        for a, b, w in zip(pair // self.count, pair % self.count, weight):
            self.around.setdefault(int(a), []).append((int(b), float(w)))
            self.around.setdefault(int(b), []).append((int(a), float(w)))

    def grown(self, rng: np.random.Generator, seed: int, voxels: float) -> np.ndarray:
        """From a basin on over the weakest edges, a little at random, until about so many voxels are reached."""
        taken, size, heap, seen = [], 0, [(0.0, seed)], {seed, self.outside}
        while heap and size < voxels and len(taken) < 300:
            _, basin = heapq.heappop(heap)
            if taken and size + self.sizes[basin] > 1.6 * voxels:
                continue
            taken.append(basin)
            size += int(self.sizes[basin])
            for other, weight in self.around.get(basin, []):
                if other not in seen:
                    seen.add(other)
                    heapq.heappush(heap, (weight * np.exp(0.5 * rng.standard_normal()), other))
        keep = np.zeros(self.count, bool)
        keep[taken] = True
        return keep[self.labels]

    def target(self, rng: np.random.Generator) -> np.ndarray | None:
        """One target ``[side]*3``, log-uniform in its extent; None where none of the tries fits."""
        side = self.labels.shape[0]
        for _ in range(4):
            voxels = np.pi / 6 * np.exp(rng.uniform(np.log(4), np.log(0.75 * side))) ** 3
            at = np.clip(rng.normal(side / 2, side / 7, 3), 2, side - 3).astype(int)
            seed = int(self.labels[tuple(at)])
            if seed == self.outside or self.sizes[seed] > 2 * voxels:
                continue
            mask = self.grown(rng, seed, voxels)
            if mask.sum() < FEW:
                continue
            mask = smooth(rng, mask)
            count = int(mask.sum())
            faces = sum(int(mask.take(i, a).sum()) for a in range(3) for i in (0, -1))
            if count < FEW or faces > FACES * 5 * count ** (2 / 3):
                continue
            ring = ndimage.binary_dilation(mask, iterations=2) & ~mask
            faint = abs(self.copy[mask].mean() - self.copy[ring].mean()) < 0.3 * self.copy.std()
            if not faint or rng.random() < 0.3:
                return mask
        return None


def smooth(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The largest part of a mask with its border smoothed, mostly without holes."""
    if not mask.any():
        return mask
    soft = ndimage.gaussian_filter(mask.astype(np.float32), min(rng.uniform(0.6, 1.8), mask.sum() ** (1 / 3) / 6))
    labels, count = ndimage.label(soft > 0.5)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        labels = labels == sizes.argmax()
    return ndimage.binary_fill_holes(labels > 0) if rng.random() < 0.7 else labels > 0
