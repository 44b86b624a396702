"""Where an uncertainty is judged."""

import numpy as np

from .kernels import distance_transform


def boundary_band(prediction: np.ndarray, spacing_mm: float, width_mm: float) -> np.ndarray:
    """Voxels at most ``width_mm`` either side of a mask's boundary."""
    spacing = (spacing_mm,) * 3
    away = np.where(
        prediction, distance_transform(prediction, spacing), distance_transform(~prediction, spacing)
    )
    return away <= width_mm
