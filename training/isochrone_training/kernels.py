"""The Rust kernels that training shares with the server (wheel ``isochrone``, built by python/)."""

from isochrone import centre_click, dice, distance_transform, gaussian, resample_region, set_threads

__all__ = [
    "centre_click", "dice", "distance_transform", "gaussian", "resample_region", "set_threads",
]
