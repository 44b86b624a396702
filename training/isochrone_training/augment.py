"""What scanners, protocols and file conversions do to grey values."""

import numpy as np

from .synth import noise


def degrade(rng: np.random.Generator, image: np.ndarray, inside: np.ndarray, modality: str) -> np.ndarray:
    """Random window, gamma, bias, thick slices, noise and (not in PET) inversion of a region.

    ``image`` is a cube of raw values; the result is to be normalised.
    """
    values = image[inside]
    if values.size == 0:
        return image
    if modality == "CT" and rng.random() < 0.4:  # somebody saved a window
        middle, width = rng.uniform(-50, 120), rng.uniform(250, 900)
        image = image.clip(middle - width / 2, middle + width / 2)
        values = image[inside]
    low, high = np.percentile(values[:: max(1, values.size // 20000)], (0.5, 99.5))
    image = (image - low) / max(high - low, 1e-6)
    if rng.random() < 0.4:
        image = image.clip(0, 1.5) ** np.exp(rng.uniform(-0.4, 0.4))
    if rng.random() < 0.25:
        image = image * np.exp(rng.uniform(0.05, 0.3) * noise(rng, 32, image.shape[0]))
    if rng.random() < 0.15:
        image = thick_slices(rng, image)
    if rng.random() < 0.4:
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + np.exp(rng.uniform(np.log(0.005), np.log(0.1))) * grain
    if modality != "PT" and rng.random() < 0.07:
        image = -image
    return image.astype(np.float32)


def thick_slices(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Averages 2 or 4 neighbouring layers along one axis and interpolates back."""
    factor, axis = int(rng.choice([2, 4])), int(rng.integers(3))
    layers = np.moveaxis(image, axis, 0)
    means = layers.reshape(-1, factor, *layers.shape[1:]).mean(1)
    at = (np.arange(layers.shape[0]) + 0.5) / factor - 0.5
    lower = np.clip(np.floor(at).astype(int), 0, len(means) - 1)
    upper = np.clip(lower + 1, 0, len(means) - 1)
    part = np.clip(at - lower, 0, 1)[:, None, None].astype(np.float32)
    return np.moveaxis(means[lower] * (1 - part) + means[upper] * part, 0, axis)
