"""Lesions that are made and put into real regions: hot, faint, necrotic, alone or many."""

import numpy as np
from scipy import ndimage

from .synth import noise, shape


def paste(
    rng: np.random.Generator, cube: np.ndarray, inside: np.ndarray, modality: str
) -> tuple[np.ndarray, np.ndarray] | None:
    """The region ``[side]*3`` with made lesions in it, and the mask of one of them; None where none fits.

    In PET a lesion takes up a multiple of what is round it, or of the region's upper quarter where it is hot; else it
    differs by a share of the region's deviation. The others are lesions as well, and not what was asked for.
    """
    side, cube = cube.shape[0], cube.copy()
    size = np.exp(rng.uniform(np.log(3.5), np.log(0.7 * side)))
    count = 1 if size > 20 or rng.random() < 0.5 else int(rng.integers(2, 9))
    deviation = float(cube[inside].std()) + 1e-6
    alike = rng.uniform(-0.3, 0.3)
    first, taken = None, ~inside
    contrast = np.exp(rng.uniform(np.log(0.35), np.log(3.0))) * (1 if modality == "PT" else rng.choice([-1, 1]))
    for n in range(count):
        own = size if n == 0 else size * np.exp(rng.uniform(-0.7, 0.5))
        spread = side / 12 if n == 0 else side / 3
        centre = np.clip(rng.normal(side / 2, spread, 3), own / 3, side - 1 - own / 3)
        level = shape(rng, centre, own, side)
        mask = level > 0
        labels, parts = ndimage.label(mask)
        if parts > 1:
            mask = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
        if mask.sum() < 12 or (mask & taken).sum() > 0.02 * mask.sum():
            continue
        value = uptake(rng, cube, mask, inside, modality, contrast * np.exp(alike * n), deviation)
        blend(rng, cube, mask, level, value, deviation, modality)
        taken = taken | ndimage.binary_dilation(mask, iterations=2)
        if first is None:
            first = mask
    return None if first is None else (cube, first)


def uptake(rng, cube, mask, inside, modality: str, contrast: float, deviation: float) -> float:
    """The grey value of a lesion, by what is round it."""
    ring = ndimage.binary_dilation(mask, iterations=2) & ~mask & inside
    local = float(cube[ring].mean()) if ring.any() else float(cube[inside].mean())
    if modality != "PT":
        return local + contrast * deviation
    base = max(local, float(np.quantile(cube[inside], 0.75)) if rng.random() < 0.3 else local, 0.05 * deviation)
    return base * (1 + 1.5 * abs(contrast))


def blend(rng, cube, mask, level, value: float, deviation: float, modality: str) -> None:
    """Paints a lesion with texture, at times with a core of another value, through a point spread."""
    spread = rng.uniform(0.8, 2.2) if modality == "PT" else rng.uniform(0.3, 1.3)
    alpha = ndimage.gaussian_filter(mask.astype(np.float32), spread)
    local = float(cube[mask].mean())
    texture = rng.uniform(0, 0.35) * abs(value - local) * noise(rng, rng.uniform(2, 8), cube.shape[0])
    kept = rng.uniform(0, 0.4)  # of the tissue's own structure
    cube += alpha * ((1 - kept) * (value + texture - cube) + kept * (value - local))
    if rng.random() < 0.3:
        depth = np.where(mask, level, 0)
        core = (depth > rng.uniform(0.3, 0.7) * depth.max()).astype(np.float32)
        core = ndimage.gaussian_filter(core, rng.uniform(0.5, 1.5))
        cube += core * rng.uniform(0.3, 1.1) * (local - value)
