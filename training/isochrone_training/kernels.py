"""The Rust kernels that training shares with the server (wheel ``isochrone``, built by python/)."""

from isochrone import (
    auroc,
    calibration_error,
    centre_click,
    dice,
    disk,
    distance_transform,
    euclidean_distance,
    exponential_geodesic,
    gaussian,
    geodesic_distance,
    resample_region,
    set_threads,
    simulated_click,
)

__all__ = [
    "auroc", "calibration_error", "centre_click", "dice", "disk", "distance_transform", "euclidean_distance",
    "exponential_geodesic", "gaussian", "geodesic_distance", "resample_region", "set_threads", "simulated_click",
]
