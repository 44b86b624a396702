"""Mutual information of the sampler's predictions, and how well it points at errors."""

import numpy as np
from scipy.stats import rankdata

from .kernels import distance_transform, resample_region


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of a Bernoulli variable, in nats."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))


def mutual_information(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of the mean less the mean entropy, over samples ``[T, d, h, w]``."""
    return entropy(probabilities.mean(0)) - entropy(probabilities).mean(0)


def to_working_grid(coarse: np.ndarray, side: int) -> np.ndarray:
    """A coarse cube, interpolated to ``[side]*3`` over the same place."""
    middle, stride = ((coarse.shape[0] - 1) / 2,) * 3, side / coarse.shape[0]
    return resample_region(
        np.ascontiguousarray(coarse, np.float32), (stride,) * 3, middle, (side,) * 3, (1.0,) * 3, 0.0
    )


def boundary_band(prediction: np.ndarray, spacing_mm: float, width_mm: float) -> np.ndarray:
    """Voxels at most ``width_mm`` either side of a mask's boundary."""
    spacing = (spacing_mm,) * 3
    away = np.where(
        prediction, distance_transform(prediction, spacing), distance_transform(~prediction, spacing)
    )
    return away <= width_mm


def auroc(score: np.ndarray, event: np.ndarray) -> float | None:
    """Area under the ROC curve by ranks (ties count half); None if one class is empty."""
    positives = int(event.sum())
    negatives = event.size - positives
    if positives == 0 or negatives == 0:
        return None
    ranks = rankdata(score)
    return float((ranks[event].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(probability: np.ndarray, event: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: mean over voxels of |share of events − mean probability| of their bin."""
    which = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    gap = np.bincount(which, event, bins) - np.bincount(which, probability, bins)
    return float(np.abs(gap).sum() / count.sum())
