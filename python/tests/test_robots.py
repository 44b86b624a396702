import math

import isochrone
import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import rankdata

ONE = (1.0, 1.0, 1.0)


def reference_click(prediction, truth, spacing):
    wrong = truth if prediction is None else prediction ^ truth
    labels, count = ndimage.label(wrong, np.ones((3, 3, 3)))
    if count == 0:
        return None
    largest = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    pad = [(1, 1) if n > 1 else (0, 0) for n in truth.shape]
    depth = ndimage.distance_transform_edt(np.pad(largest, pad), sampling=spacing)
    depth = depth[tuple(slice(a, -a or None) for a, _ in pad)].astype(np.float32)
    voxel = np.unravel_index(np.argmax(np.where(largest, depth, -1)), truth.shape)
    return tuple(map(int, voxel)), bool(truth[voxel])


@pytest.mark.parametrize("spacing", [ONE, (3.0, 2.0, 2.0)])
@pytest.mark.parametrize("seed", range(20))
def test_centre_click_equals_scipy(seed, spacing):
    rng = np.random.default_rng(seed)
    shape = (1 if seed % 4 == 0 else 9, 14, 15)
    noise = ndimage.gaussian_filter(rng.normal(size=(2, *shape)), (0, 1, 2, 2))
    truth, prediction = noise > 0.1
    for p in (prediction, None):
        assert isochrone.centre_click(p, truth, spacing) == reference_click(p, truth, spacing)


def test_click_polarity_and_agreement():
    truth = np.zeros((9, 9, 9), bool)
    truth[2:7, 2:7, 2:7] = True
    assert isochrone.centre_click(None, truth, ONE) == ((4, 4, 4), True)
    assert isochrone.centre_click(truth, np.zeros_like(truth), ONE) == ((4, 4, 4), False)
    assert isochrone.centre_click(truth, truth, ONE) is None
    assert isochrone.centre_click(None, np.zeros_like(truth), ONE) is None


def test_ties_go_to_the_first_voxel():
    truth = np.zeros((3, 3, 12), bool)
    truth[1, 1, [2, 8]] = True
    assert isochrone.centre_click(None, truth, ONE) == ((1, 1, 2), True)
    assert isochrone.centre_click(None, np.ones((2, 2, 2), bool), ONE) == ((0, 0, 0), True)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_click_on_a_slice_stays_on_it(axis):
    truth = np.zeros((9, 10, 11), bool)
    truth[2:7, 3:8, 4:9] = True
    (voxel, positive) = isochrone.centre_click_on_slice(None, truth, ONE, axis, 5)
    assert positive and voxel[axis] == 5
    middle = [4, 5, 6]
    assert all(voxel[a] == middle[a] for a in range(3) if a != axis)
    with pytest.raises(ValueError, match="slice"):
        isochrone.centre_click_on_slice(None, truth, ONE, axis, 99)
    with pytest.raises(ValueError, match="axis"):
        isochrone.centre_click_on_slice(None, truth, ONE, 3, 0)


def test_dice_and_iou():
    p, t = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    assert math.isnan(isochrone.dice(p, t)) and math.isnan(isochrone.iou(p, t))
    p[0], t[:, 0] = True, True
    assert isochrone.dice(p, t) == 0.5 and isochrone.iou(p, t) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="resample"):
        isochrone.dice(p, t[:1])


def test_series_of_scores():
    dice = [0.50, 0.60, 0.66, 0.70, 0.72, 0.74, 0.75, 0.755, 0.76, 0.762, 0.764]
    assert isochrone.auc(dice) == pytest.approx(7.079)
    iou = [0.62, 0.81, 0.79, 0.86, 0.905]
    assert isochrone.noc_at(iou, 0.85) == (4, True)
    assert isochrone.noc_at(iou, 0.90) == (5, True)
    assert isochrone.noc_at(iou, 0.95) == (20, False)
    assert isochrone.consistent_improvement(iou) == 75


def test_resample_region():
    image = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    same = isochrone.resample_region(image, (3, 2, 2), (1.5, 2, 2.5), (4, 5, 6), (3, 2, 2), 0)
    np.testing.assert_allclose(same, image, atol=1e-4)
    part = isochrone.resample_region(image, (1, 1, 1), (1, 2, 3), (1, 3, 3), 1.0)
    np.testing.assert_allclose(part, image[1:2, 1:4, 2:5], atol=1e-4)
    outside = isochrone.resample_region(image, (1, 1, 1), (50, 50, 50), (2, 2, 2), 1.0, fill=-7)
    assert (outside == -7).all()


@pytest.mark.parametrize("reader", ["centre", "uncertain", "edt", "uniform", "boundary", "perturbed", "long-axis"])
def test_simulated_readers_are_seeded(reader):
    rng = np.random.default_rng(3)
    truth, prediction = ndimage.gaussian_filter(rng.normal(size=(2, 9, 14, 15)), (0, 1, 2, 2)) > 0.1
    doubt = rng.random(truth.shape)
    click = [isochrone.simulated_click(reader, prediction, truth, ONE, 7, n, doubt) for n in range(20)]
    assert click == [isochrone.simulated_click(reader, prediction, truth, ONE, 7, n, doubt) for n in range(20)]
    if reader in ("edt", "uniform", "boundary"):
        assert click != [isochrone.simulated_click(reader, prediction, truth, ONE, 8, n, doubt) for n in range(20)]
    if reader != "perturbed":
        assert all(prediction[at] != truth[at] and truth[at] == positive for at, positive in click)
    if reader == "uncertain":
        wrong = np.where(prediction != truth, doubt, -1)
        assert click[0][0] == np.unravel_index(np.argmax(wrong.astype(np.float32)), truth.shape)
    assert isochrone.simulated_click(reader, truth, truth, ONE) is None


def test_unknown_reader():
    truth = np.ones((2, 2, 2), bool)
    with pytest.raises(ValueError, match="long-axis"):
        isochrone.simulated_click("oracle", None, truth, ONE)


def test_reliability_equals_ranks_and_bins():
    rng = np.random.default_rng(4)
    wrong = rng.random(5000) < 0.1
    scores = np.round(rng.random(5000) + 0.3 * wrong, 2).astype(np.float32)
    ranks = rankdata(scores)
    expected = (ranks[wrong].sum() - wrong.sum() * (wrong.sum() + 1) / 2) / (wrong.sum() * (~wrong).sum())
    assert math.isclose(isochrone.auroc(scores, wrong), expected, rel_tol=1e-9)
    p = rng.random(5000).astype(np.float32)
    truth = rng.random(5000) < p**2
    bins = np.minimum((p * 15).astype(int), 14)
    gaps = [abs(p[bins == b].sum() - truth[bins == b].sum()) for b in range(15)]
    assert math.isclose(isochrone.calibration_error(p, truth), sum(gaps) / 5000, rel_tol=1e-5)
