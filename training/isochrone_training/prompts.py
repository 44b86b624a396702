"""What readers do besides clicking, as the voxels that the server makes of it in a region.

The network sees voxels ``(k, j, i)`` of one sign: of a scribble those under the brush, of a lasso those that
it encloses on its slice, of a box round the lesion its middle alone. A prompt here is such a list.
"""

import numpy as np
from scipy import ndimage

from .kernels import distance_transform

UNIT = (1.0, 1.0, 1.0)


def slice_through(rng, mask: np.ndarray) -> tuple[int, int]:
    """An axis and an index of a slice that shows much of a mask: drawn in proportion to its area."""
    axis = int(rng.integers(3))
    area = mask.sum(tuple(a for a in range(3) if a != axis)).astype(float) ** 2
    return axis, int(rng.choice(area.size, p=area / area.sum()))


def on_slice(axis: int, index: int, places: np.ndarray) -> list[tuple]:
    """Places ``[n, 2]`` of a slice as voxels."""
    return [tuple(int(v) for v in np.insert(p, axis, index)) for p in places]


def scribble(rng, mask: np.ndarray) -> list[tuple]:
    """A wavering line along a mask's longer side on one slice, at times a short one."""
    axis, index = slice_through(rng, mask)
    flat = mask.take(index, axis)
    places = np.argwhere(distance_transform(flat[None], UNIT)[0] >= min(2.0, flat.sum() ** 0.5 / 4))
    if len(places) < 3:
        places = np.argwhere(flat)
    if len(places) < 3:
        return on_slice(axis, index, places)
    centred = places - places.mean(0)
    along = np.linalg.eigh(np.cov(centred.T) + 1e-6 * np.eye(2))[1][:, 1]
    t = centred @ along
    low, high = np.quantile(t, sorted(rng.uniform(0, 1, 2)))
    line = []
    for at in np.arange(low, high + 1):
        near = places[np.abs(t - at) <= 0.75]
        if len(near):
            line.append(near[np.abs(near - near.mean(0) - rng.normal(0, 1, 2)).sum(1).argmin()])
    return on_slice(axis, index, np.unique(line or [places[0]], axis=0))


def box(rng, mask: np.ndarray) -> list[tuple]:
    """A box round a mask: perfect, perturbed or relaxed; its middle."""
    places = np.argwhere(mask)
    low, high = places.min(0).astype(float), places.max(0).astype(float)
    size = high - low + 1
    kind = rng.random()
    if kind < 0.4:
        low, high = low + rng.normal(0, 0.08, 3) * size, high + rng.normal(0, 0.08, 3) * size
    elif kind < 0.7:
        low, high = low - rng.uniform(0, 0.2, 3) * size, high + rng.uniform(0, 0.2, 3) * size
    middle = np.clip(np.rint((low + high) / 2), 0, np.array(mask.shape) - 1)
    return [tuple(int(v) for v in middle)]


def line(rng, mask: np.ndarray) -> list[tuple]:
    """The longest diameter on the slice where the mask is largest, as RECIST 1.1 measures it; a hand's ends.

    Each end lies up to two voxels, and up to a tenth of the length, from where it should.
    """
    axis = int(rng.integers(3))
    index = int(mask.sum(tuple(a for a in range(3) if a != axis)).argmax())
    flat = mask.take(index, axis)
    rim = np.argwhere(flat & ~ndimage.binary_erosion(flat))
    way = rim[:, None] - rim[None]
    a, b = np.unravel_index((way**2).sum(2).argmax(), (len(rim),) * 2)
    ends = np.array([rim[a], rim[b]], float)
    along = (ends[1] - ends[0]) * rng.uniform(-0.1, 0.1, 2)[:, None] * np.array([[-1], [1]]) / 2
    ends += along + rng.uniform(-2, 2, (2, 2)) * min(1.0, len(rim) / 40)
    count = int(np.ceil(np.abs(ends[1] - ends[0]).max())) + 1
    places = np.rint(ends[0] + np.linspace(0, 1, count)[:, None] * (ends[1] - ends[0])).astype(int)
    return on_slice(axis, index, np.unique(np.clip(places, 0, np.array(flat.shape) - 1), axis=0))


def lasso(rng, mask: np.ndarray) -> list[tuple]:
    """A loose curve round a mask on one slice; what it encloses."""
    axis, index = slice_through(rng, mask)
    flat = mask.take(index, axis)
    around = ndimage.distance_transform_edt(~flat) <= rng.uniform(0, 4)
    return on_slice(axis, index, np.argwhere(ndimage.binary_fill_holes(around)))
