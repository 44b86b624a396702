"""Independent references: slow, obvious, sharing nothing with the compiled kernels."""

import heapq
import itertools

import numpy as np

OFFSETS = [o for o in itertools.product((-1, 0, 1), repeat=3) if any(o)]


def geodesic(image, points, spacing, lam, cutoff=np.inf):
    """Dijkstra in float32, in the order of operations that the module documents."""
    image = np.asarray(image, np.float32)
    channels = image[None] if image.ndim == 3 else image
    f = np.float32
    spacing, lam = [f(s) for s in spacing], f(lam)
    far = np.full(channels.shape[1:], np.inf, np.float32)
    lengths = {}
    for o in OFFSETS:
        k, j, i = (f(d) * s for d, s in zip(o, spacing))
        lengths[o] = (f(1) - lam) * np.sqrt(k * k + j * j + i * i)
    heap = []
    for p in map(tuple, points):
        far[p] = 0
        heap.append((f(0), p))
    heapq.heapify(heap)
    while heap:
        d, p = heapq.heappop(heap)
        if d > far[p]:
            continue
        for o in OFFSETS:
            q = tuple(a + b for a, b in zip(p, o))
            if any(a < 0 or a >= n for a, n in zip(q, far.shape)):
                continue
            difference = f(0)
            for c in channels:
                difference = difference + abs(c[p] - c[q])
            through = d + (lengths[o] + lam * difference)
            if through < far[q] and through <= cutoff:
                far[q] = through
                heapq.heappush(heap, (through, q))
    return far


def euclidean(shape, points, spacing):
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).astype(np.float64)
    s = np.asarray(spacing, np.float64)
    return np.min([np.sqrt((((grid - p) * s) ** 2).sum(-1)) for p in points], axis=0)


def maze(n=9, seed=0):
    """A maze of low walls: one winding corridor a slice, linked by single holes."""
    rng = np.random.default_rng(seed)
    image = np.zeros((3, n, n), np.float32)
    for row in range(1, n, 2):
        image[:, row, :] = 1000
        image[:, row, 0 if row // 2 % 2 else n - 1] = 0
    image[1] = 1000
    image[1, rng.integers(0, n // 2) * 2, n // 2] = 0
    return image
