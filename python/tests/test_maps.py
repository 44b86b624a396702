import isochrone
import numpy as np
import pytest
from reference import euclidean, geodesic, maze
from scipy import ndimage

SPACINGS = [(1.0, 1.0, 1.0), (3.0, 2.04, 2.04), (0.5, 7.0, 0.3)]
SHAPES = [(7, 9, 11), (1, 12, 13), (5, 1, 1), (1, 1, 1), (6, 17, 33)]


def some_points(shape, count, seed):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, n, count) for n in shape], -1)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 3, 40])
def test_euclidean_equals_brute_force(shape, spacing, count):
    points = some_points(shape, count, count)
    got = isochrone.euclidean_distance(shape, points, spacing)
    assert got.dtype == np.float32 and got.shape == shape
    np.testing.assert_allclose(got, euclidean(shape, points, spacing), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.02, 0.5, 0.98])
def test_distance_transform_equals_scipy(shape, spacing, density):
    mask = np.random.default_rng(1).random(shape) < density
    mask.flat[0] = False
    got = isochrone.distance_transform(mask, spacing)
    np.testing.assert_allclose(got, ndimage.distance_transform_edt(mask, sampling=spacing), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_border_is_background_equals_padding(spacing):
    mask = np.random.default_rng(2).random((8, 9, 10)) < 0.9
    padded = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(isochrone.distance_transform(mask, spacing, True), padded, rtol=1e-5)
    flat = np.ones((1, 5, 5), bool)
    assert isochrone.distance_transform(flat, (1, 1, 1), True)[0, 2, 2] == 3


def test_distance_transform_without_background_is_infinite():
    assert np.isposinf(isochrone.distance_transform(np.ones((2, 3, 4), bool), (1, 1, 1))).all()


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shape", [(6, 7, 9), (1, 9, 10), (4, 1, 1), (3, 5, 21)])
def test_geodesic_equals_dijkstra_bit_for_bit(shape, spacing, lam):
    image = np.random.default_rng(3).normal(size=shape).astype(np.float32) * 3
    points = some_points(shape, 2, 5)
    got = isochrone.geodesic_distance(image, points, spacing, lam)
    assert (got == geodesic(image, points, spacing, lam)).all()


@pytest.mark.parametrize("lam", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("kind", ["maze", "flat", "steps", "channels"])
def test_geodesic_on_special_images(kind, lam):
    image = {
        "maze": maze(),
        "flat": np.zeros((4, 8, 9), np.float32),
        "steps": np.indices((5, 8, 7)).sum(0).astype(np.float32) // 3,
        "channels": np.random.default_rng(4).normal(size=(2, 4, 6, 7)).astype(np.float32),
    }[kind]
    got = isochrone.geodesic_distance(image, [(0, 0, 0)], (3, 2, 2), lam)
    assert (got == geodesic(image, [(0, 0, 0)], (3, 2, 2), lam)).all()


def test_cutoff_leaves_only_what_is_near():
    image = np.random.default_rng(5).normal(size=(6, 8, 9)).astype(np.float32)
    full = isochrone.geodesic_distance(image, [(3, 4, 4)], (1, 1, 1))
    near = isochrone.geodesic_distance(image, [(3, 4, 4)], (1, 1, 1), cutoff=2.5)
    assert (near == np.where(full <= 2.5, full, np.inf)).all()


def test_exponential_is_exp_of_the_distance():
    image = np.random.default_rng(6).normal(size=(5, 6, 7)).astype(np.float32)
    d = isochrone.geodesic_distance(image, [(1, 2, 3)], (1, 1, 1))
    got = isochrone.exponential_geodesic(image, [(1, 2, 3)], (1, 1, 1), 0.5, 4.0)
    np.testing.assert_allclose(got, np.exp(-d / 4), rtol=1e-5)
    assert got[1, 2, 3] == 1


@pytest.mark.parametrize("spacing", SPACINGS)
def test_local_signals_follow_the_distance(spacing):
    shape, points = (9, 14, 15), some_points((9, 14, 15), 4, 7)
    d = euclidean(shape, points, spacing)
    sigma = 2 * max(spacing)
    wanted = np.where(d <= 5 * sigma, np.exp(-(d**2) / (2 * sigma**2)), 0)
    np.testing.assert_allclose(isochrone.gaussian(shape, points, spacing, sigma), wanted, atol=1e-5)
    got, clear = isochrone.disk(shape, points, spacing, sigma), np.abs(d - sigma) > 1e-4
    assert ((got == 1) == (d <= sigma))[clear].all()


def test_without_points():
    image = np.zeros((3, 4, 5), np.float32)
    for empty in ([], np.zeros((0, 3), int), np.zeros((0, 3))):
        assert np.isposinf(isochrone.euclidean_distance((3, 4, 5), empty, (1, 1, 1))).all()
        assert np.isposinf(isochrone.geodesic_distance(image, empty, (1, 1, 1))).all()
        for zero in (
            isochrone.gaussian((3, 4, 5), empty, (1, 1, 1), 2),
            isochrone.disk((3, 4, 5), empty, (1, 1, 1), 2),
            isochrone.exponential_geodesic(image, empty, (1, 1, 1), 0.5, 1),
        ):
            assert (zero == 0).all()


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.02, 0.5, 0.98])
def test_sides_of_a_mask_equal_scipy(shape, spacing, density):
    mask = np.random.default_rng(8).random(shape) < density
    if mask.size > 1:
        mask.flat[0], mask.flat[-1] = False, True
    edt = lambda m: ndimage.distance_transform_edt(m, sampling=spacing) if not m.all() else np.full(shape, np.inf)
    inside, outside = edt(mask), edt(~mask)
    for side, wanted in (("inside", inside), ("outside", outside), ("signed", outside - inside)):
        got = isochrone.distance_transform(mask, spacing, side=side)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2, None])
def test_scribbles_equal_scipy(axis):
    shape, spacing = (20, 41, 50), (3.0, 2.04, 2.04)
    points = some_points(shape, 200, 9)
    if axis is not None:
        points[:, axis] = shape[axis] // 2
    away = np.ones(shape, bool)
    away[tuple(points.T)] = False
    wanted = ndimage.distance_transform_edt(away, sampling=spacing)
    assert np.abs(isochrone.euclidean_distance(shape, points, spacing) - wanted).max() < 1e-3


def test_normalisations():
    far = np.array([[[2, 4, 6, np.inf, 3]]], np.float32)
    same = lambda kind, value, wanted: np.testing.assert_allclose(
        isochrone.normalise(far, kind, value).ravel(), wanted, rtol=1e-6
    )
    same("min-max", None, [0, 0.5, 1, 1, 0.25])
    same("percentile", 50, [0, 0, 1, 1, 0])
    same("exponential", 2, np.exp([-1, -2, -3, -np.inf, -1.5]))
    assert far[0, 0, 0] == 2
