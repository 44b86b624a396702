"""The working region: what the server cuts out round a click before it runs the network.

A region is an isotropic cube along the volume's axes. ``centre`` is a continuous voxel index
``[k, j, i]`` of the volume; region voxel ``o`` lies at ``centre + (o - (n - 1) / 2) · s / spacing``.
"""

from dataclasses import dataclass

import numpy as np

from .kernels import (
    disk,
    euclidean_distance,
    exponential_geodesic,
    gaussian,
    geodesic_distance,
    resample_region,
)


@dataclass(frozen=True)
class Region:
    """A cube of ``side`` voxels of ``spacing_mm`` round ``centre`` in a volume's grid."""

    centre: tuple[float, float, float]
    spacing_mm: tuple[float, float, float]  # equal at run time; stretched in training
    side: int
    volume_shape: tuple[int, int, int]
    volume_spacing_mm: tuple[float, float, float]

    def cut(self, array: np.ndarray, fill: float) -> np.ndarray:
        """The volume's values in the region, float32 ``[side]*3``; ``fill`` outside. Reads no more than it needs."""
        spans = []
        for c, s, v, n in zip(self.centre, self.spacing_mm, self.volume_spacing_mm, self.volume_shape):
            reach = (self.side / 2 + 1) * s / v + 2
            low, high = int(np.floor(c - reach)), int(np.ceil(c + reach)) + 1
            spans.append(slice(min(max(0, low), n - 1), max(min(n, high), min(max(0, low), n - 1) + 1)))
        return self.cut_part(array[tuple(spans)], [s.start for s in spans], fill)

    def cut_part(self, array: np.ndarray, first, fill: float = 0.0) -> np.ndarray:
        """The same of a part of the volume that begins at voxel ``first``; ``fill`` outside of the part."""
        centre = tuple(float(c - f) for c, f in zip(self.centre, first))
        return resample_region(
            np.ascontiguousarray(array, np.float32), self.volume_spacing_mm, centre,
            (self.side,) * 3, self.spacing_mm, fill,
        )

    def paste(self, array: np.ndarray, fill: float) -> np.ndarray:
        """Region values on the volume's grid; ``fill`` where the region does not reach."""
        middle = tuple((n - 1) / 2 for n in self.volume_shape)
        centre = tuple(self.region_from_voxel(middle))
        return resample_region(
            np.ascontiguousarray(array, np.float32), self.spacing_mm, centre,
            self.volume_shape, self.volume_spacing_mm, fill,
        )

    def region_from_voxel(self, voxel) -> np.ndarray:
        """Continuous volume indices ``[..., 3]`` to continuous region indices."""
        scale = np.divide(self.volume_spacing_mm, self.spacing_mm)
        return (np.asarray(voxel, float) - self.centre) * scale + (self.side - 1) / 2

    def voxel_from_region(self, at) -> np.ndarray:
        """The inverse of :meth:`region_from_voxel`."""
        scale = np.divide(self.spacing_mm, self.volume_spacing_mm)
        return (np.asarray(at, float) - (self.side - 1) / 2) * scale + self.centre

    def inside_volume(self) -> np.ndarray:
        """True where a region voxel's centre lies within the volume."""
        axes = []
        for c, s, v, n in zip(self.centre, self.spacing_mm, self.volume_spacing_mm, self.volume_shape):
            at = c + (np.arange(self.side) - (self.side - 1) / 2) * s / v
            axes.append((at >= -0.5) & (at <= n - 0.5))
        return axes[0][:, None, None] & axes[1][:, None] & axes[2]


def first_spacing(rule: dict, volume_spacing_mm) -> float:
    """Spacing of the region round a first click, mm: coarser where the volume's own voxels are large."""
    voxel = float(np.prod(volume_spacing_mm) ** (1 / 3))
    spacing = max(rule["first_spacing_mm"], rule["first_spacing_voxels"] * voxel)
    return float(np.clip(spacing, rule["min_spacing_mm"], rule["max_spacing_mm"]))


def first_spacings(rule: dict, volume_spacing_mm) -> list[float]:
    """Spacings of the regions that are looked at round a first click, mm: as :func:`first_spacing` has each."""
    pairs = zip(rule["first_spacings_mm"], rule["first_spacings_voxels"])
    return [
        first_spacing({**rule, "first_spacing_mm": mm, "first_spacing_voxels": voxels}, volume_spacing_mm)
        for mm, voxels in pairs
    ]


def normalise(image: np.ndarray, inside: np.ndarray, percentiles=(0.5, 99.5)) -> np.ndarray:
    """Clips to percentiles, then zero mean and unit variance, of the voxels inside; 0 outside."""
    values = image[inside]
    if values.size == 0:
        return np.zeros_like(image)
    low, high = np.percentile(values, percentiles)
    values = values.clip(low, high)
    out = np.zeros_like(image)
    out[inside] = (values - values.mean()) / max(float(values.std()), 1e-6)
    return out


def points_of(side: int, clicks: list, positive: bool) -> np.ndarray:
    """Voxels ``[n, 3]`` of one sign inside the region, of clicks ``[((k, j, i), positive), …]``."""
    points = np.rint([c for c, sign in clicks if sign == positive]).astype(np.int64).reshape(-1, 3)
    return points[((points >= 0) & (points < side)).all(1)]


def guidance(image: np.ndarray, clicks: list, positive: bool, encoding: dict, spacing_mm: float) -> np.ndarray:
    """The map of one sign's clicks, as the server makes it of the bundle's encoding.

    ``image`` is the normalised region ``[side]*3``, ``spacing_mm`` its spacing; ``encoding`` has a ``kind``
    and that kind's parameters.
    """
    shape, kind = image.shape, encoding["kind"]
    points, spacing = points_of(shape[0], clicks, positive), (float(spacing_mm),) * 3
    if kind == "gaussian":
        return gaussian(shape, points, (1.0, 1.0, 1.0), encoding["sigma_voxels"])
    if kind == "disk":
        return disk(shape, points, (1.0, 1.0, 1.0), encoding["radius_voxels"])
    if kind == "exponential-geodesic":
        return exponential_geodesic(image, points, spacing, encoding["lambda"], encoding["tau_mm"])
    if kind == "none":  # the ablation's: nothing but the previous mask
        return np.zeros(shape, np.float32)
    cutoff = encoding["cutoff_mm"]
    if kind == "euclidean":
        distance = euclidean_distance(shape, points, spacing)
    elif kind == "geodesic":
        distance = geodesic_distance(image, points, spacing, encoding["lambda"], cutoff)
    else:
        raise ValueError(f"no guidance of the kind {kind!r}")
    far = np.minimum(distance, cutoff) / cutoff
    if "dip_voxels" in encoding:
        far -= gaussian(shape, points, (1.0, 1.0, 1.0), encoding["dip_voxels"])
    return far
