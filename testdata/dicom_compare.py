"""How our reading of a DICOM series is compared with pydicom's."""

import numpy as np
import pydicom
from scipy.spatial.transform import Rotation

TOLERANCE_MM = 1e-3


def read(inspect, source, tmp_path, *arguments):
    """What we make of a source: the report, values [k, j, i] before SUV, and the affine."""
    report = inspect(source, "--dump", tmp_path / "voxels.raw", "--suv", "off", *arguments)
    i, j, k = report["size"]
    stored = np.fromfile(tmp_path / "voxels.raw", report["scalar"]).reshape(k, j, i)
    slope, intercept = report["rescale"]
    return report, stored * slope + intercept, np.array(report["world_from_voxel"]).reshape(4, 3).T


def by_pydicom(files):
    """Values and affine (3×4, LPS) as pydicom and NumPy make them."""
    slices = [pydicom.dcmread(f) for f in files]
    row, column = (np.array(slices[0].ImageOrientationPatient[a:b], float) for a, b in ((0, 3), (3, 6)))
    slices.sort(key=lambda d: float(np.dot(np.cross(row, column), np.array(d.ImagePositionPatient, float))))
    scales = [(float(d.get("RescaleSlope", 1)), float(d.get("RescaleIntercept", 0))) for d in slices]
    values = np.stack([d.pixel_array * slope + add for d, (slope, add) in zip(slices, scales, strict=True)])
    between_rows, between_columns = map(float, slices[0].PixelSpacing)
    first, last = (np.array(slices[n].ImagePositionPatient, float) for n in (0, -1))
    step = (last - first) / (len(slices) - 1)
    return values, np.stack([row * between_columns, column * between_rows, step, first], axis=1)


def same_place(ours, theirs, shape):
    """Corners of both grids lie at the same places."""
    k, j, i = shape
    corners = np.array([[x, y, z, 1] for x in (0, i - 1) for y in (0, j - 1) for z in (0, k - 1)], float).T
    assert np.abs(ours @ corners - theirs @ corners).max() < TOLERANCE_MM


def volume(seed, shape=(9, 40, 33), low=-1024, high=3000):
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(shape)
    smooth = 800 * np.sin(i / 5 + k) + 600 * np.cos(j / 7)
    noisy = np.clip(smooth + rng.normal(0, 30, shape), low, high).astype(np.int16)
    # Flat parts, for the run modes of coders.
    noisy[:, 10:25, 5:20] = 40
    return noisy


def affine(kind):
    spacing = np.diag([0.7, 0.9, 3.0])
    turned = {
        "axial": np.eye(3),
        "oblique": Rotation.from_euler("xyz", [0.2, -0.3, 0.5]).as_matrix(),
        "sagittal": np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]], float),
        "coronal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float),
        "prone": np.diag([-1.0, -1.0, 1.0]),
    }[kind]
    out = np.eye(4)
    # A right-handed k, which is how slices are sorted.
    columns = turned @ spacing
    columns[:, 2] = 3.0 * np.cross(turned[:, 0], turned[:, 1])
    out[:3, :3], out[:3, 3] = columns, (-120.5, 33.25, 410.0)
    return out
