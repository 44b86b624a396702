"""How well a score points at errors, and whether a probability means what it says."""

import numpy as np
from scipy.stats import rankdata

from .kernels import distance_transform


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
