"""Peak memory: input, output, and at most 2 bytes a voxel for a map, 8 for a field."""

from pathlib import Path

import isochrone
import numpy as np
import pytest

STATUS = Path("/proc/self/status")
SHAPE, SPACING = (100, 256, 256), (3.0, 2.0, 2.0)
VOXELS = int(np.prod(SHAPE))
POINTS = np.random.default_rng(0).integers(0, 100, (10, 3))


def read(key):
    return 1024 * int(STATUS.read_text().split(key + ":")[1].split()[0])


def peak(call):
    """Bytes a voxel that a call needs at its highest, with its result."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system does not let a process reset its peak memory")
    before = read("VmRSS")
    kept = call()
    most = read("VmHWM") - before
    del kept
    return most / VOXELS


IMAGE = np.random.default_rng(1).random(SHAPE, np.float32)
SCRIBBLE = np.stack([np.full(200, 50), np.arange(200), np.arange(200)], -1)
CALLS = {
    "euclidean": lambda: isochrone.euclidean_distance(SHAPE, POINTS, SPACING),
    "scribble": lambda: isochrone.euclidean_distance(SHAPE, SCRIBBLE, SPACING),
    "mask": lambda: isochrone.distance_transform(IMAGE > 0.5, SPACING),
    "signed": lambda: isochrone.distance_transform(IMAGE > 0.5, SPACING, side="signed"),
    "geodesic": lambda: isochrone.geodesic_distance(IMAGE, POINTS, SPACING),
    "exponential": lambda: isochrone.exponential_geodesic(IMAGE, POINTS, SPACING, 0.5, 20),
    "gaussian": lambda: isochrone.gaussian(SHAPE, POINTS, SPACING, 5),
    "disk": lambda: isochrone.disk(SHAPE, POINTS, SPACING, 5),
    "adaptive": lambda: isochrone.adaptive_gaussian(IMAGE, POINTS, SPACING),
    "attraction": lambda: isochrone.attraction_field(SHAPE, POINTS, [], SPACING),
    "normalise": lambda: isochrone.normalise(IMAGE, "percentile", 30),
    "prior": lambda: isochrone.location_prior(IMAGE > 2, POINTS),
}


@pytest.mark.parametrize("name", CALLS)
def test_maps(name):
    CALLS[name]()
    mask = 1 if name in ("mask", "signed", "prior") else 0  # made by the call itself
    assert peak(CALLS[name]) <= 4 + 2 + mask + 0.2


def test_field():
    def field():
        field = isochrone.GeodesicField(IMAGE, SPACING)
        for point in POINTS:
            field.insert(point)
        field.remove(POINTS[0])
        return field

    field()
    assert peak(field) <= 8 + 0.4  # distance and label; the rows that one change has to look at
