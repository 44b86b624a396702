"""PET measures against NumPy, written independently: the sphere is sampled on a fine grid of points."""

import numpy as np
import pytest

RADIUS_MM = (3000 / (4 * np.pi)) ** (1 / 3)


def reference_peak(values, mask, affine, steps=25):
    """Highest weighted mean in a sphere of 1 mL about any voxel of the mask, by brute force."""
    matrix = affine[:3, :3]
    fine = (np.arange(steps) + 0.5) / steps - 0.5
    inner = np.stack(np.meshgrid(fine, fine, fine, indexing="ij"), -1).reshape(-1, 3)
    reach = np.ceil(RADIUS_MM / np.linalg.norm(matrix, axis=0) + 1).astype(int)
    weights = {}
    for i in range(-reach[0], reach[0] + 1):
        for j in range(-reach[1], reach[1] + 1):
            for k in range(-reach[2], reach[2] + 1):
                distance = np.linalg.norm((inner + [i, j, k]) @ matrix.T, axis=1)
                share = np.mean(distance <= RADIUS_MM)
                if share > 0:
                    weights[k, j, i] = share
    # The shares add up to the sphere's millilitre.
    ml = abs(np.linalg.det(matrix)) / 1000
    assert sum(weights.values()) * ml == pytest.approx(1.0, rel=2e-3)
    sums = np.zeros(values.shape)
    total = np.zeros(values.shape)
    padding = [(reach[2], reach[2]), (reach[1], reach[1]), (reach[0], reach[0])]
    padded = np.pad(values.astype(float), padding)
    there = np.pad(np.ones(values.shape), padding)
    nk, nj, ni = values.shape
    for (k, j, i), weight in weights.items():
        window = np.s_[
            reach[2] + k : reach[2] + k + nk, reach[1] + j : reach[1] + j + nj, reach[0] + i : reach[0] + i + ni
        ]
        sums += weight * padded[window]
        total += weight * there[window]
    return (sums / total)[mask].max()


def test_against_numpy(made):
    ml = abs(np.linalg.det(made.affine[:3, :3])) / 1000
    for n, found in enumerate(made.numbers, 1):
        mask = made.labels == n
        values = made.values[mask].astype(float)
        assert found["volume"] == pytest.approx(mask.sum() * ml, rel=1e-9)
        assert found["max"] == pytest.approx(values.max(), rel=1e-6)
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-6)
        assert found["deviation"] == pytest.approx(values.std(), rel=1e-6)
        if made.modality == "PT":
            assert found["glycolysis"] == pytest.approx(values.sum() * ml, rel=1e-6)
            assert found["peak"] == pytest.approx(reference_peak(made.values, mask, made.affine), rel=1e-3)
        else:
            assert found["peak"] is None and found["glycolysis"] is None


def test_lesions_are_counted_by_26_neighbours(made):
    from scipy import ndimage

    for n, found in enumerate(made.numbers, 1):
        assert found["lesions"] == ndimage.label(made.labels == n, np.ones((3, 3, 3)))[1]
