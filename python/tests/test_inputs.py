"""What NumPy may hand over, and what is refused with a message."""

import multiprocessing

import isochrone
import numpy as np
import pytest

ONE = (1.0, 1.0, 1.0)
IMAGE = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32) * 50


@pytest.mark.parametrize(
    "image",
    [
        IMAGE.astype(np.float64),
        np.asfortranarray(IMAGE),
        np.repeat(IMAGE, 2, axis=2)[:, :, ::2],
        IMAGE[::-1][::-1],
        IMAGE.astype(">f4"),
    ],
    ids=["float64", "fortran", "strided", "reversed", "bigendian"],
)
def test_any_layout_gives_the_same(image):
    wanted = isochrone.geodesic_distance(IMAGE, [(1, 2, 3)], ONE)
    assert (isochrone.geodesic_distance(image, [(1, 2, 3)], ONE) == wanted).all()


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int64, bool])
def test_integer_images(dtype):
    image = np.abs(IMAGE).astype(dtype)
    wanted = isochrone.geodesic_distance(image.astype(np.float32), [(0, 0, 0)], ONE)
    assert (isochrone.geodesic_distance(image, [(0, 0, 0)], ONE) == wanted).all()


def test_masks_may_be_integers_but_not_probabilities():
    mask = np.abs(IMAGE) > 20
    wanted = isochrone.distance_transform(mask, ONE)
    assert (isochrone.distance_transform(mask.astype(np.uint8) * 255, ONE) == wanted).all()
    assert (isochrone.distance_transform(np.asfortranarray(mask), ONE) == wanted).all()
    with pytest.raises(TypeError, match="threshold"):
        isochrone.distance_transform(mask.astype(np.float32), ONE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_bad_intensity_is_named(value):
    image = IMAGE.copy()
    image[2, 3, 4] = value
    with pytest.raises(ValueError, match=r"\[2, 3, 4\]"):
        isochrone.geodesic_distance(image, [(0, 0, 0)], ONE)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: isochrone.geodesic_distance(IMAGE, [(0, 0, 0)], ONE, 1.01), ValueError, "lambda"),
        (lambda: isochrone.geodesic_distance(IMAGE, [(0, 0, 0)], ONE, float("nan")), ValueError, "lambda"),
        (lambda: isochrone.geodesic_distance(IMAGE, [(0, 0, 0)], ONE, cutoff=-1), ValueError, "cutoff"),
        (lambda: isochrone.geodesic_distance(IMAGE, [(0, 6, 0)], ONE), ValueError, "outside"),
        (lambda: isochrone.geodesic_distance(IMAGE, [(0, -1, 0)], ONE), ValueError, "negative"),
        (lambda: isochrone.geodesic_distance(IMAGE, [(0.5, 1, 0)], ONE), TypeError, "integers"),
        (lambda: isochrone.geodesic_distance(IMAGE, [(1, 0)], ONE), ValueError, r"\(N, 3\)"),
        (lambda: isochrone.geodesic_distance(IMAGE[0], [(0, 0, 0)], ONE), ValueError, "depth 1"),
        (lambda: isochrone.geodesic_distance(IMAGE.astype(complex), [(0, 0, 0)], ONE), TypeError, "real"),
        (lambda: isochrone.geodesic_distance(IMAGE[:0], [], ONE), ValueError, "at least 1"),
        (lambda: isochrone.euclidean_distance((3, 0, 3), [], ONE), ValueError, "at least 1"),
        (lambda: isochrone.euclidean_distance((2**40, 2**40, 9), [], ONE), ValueError, "shape"),
        (lambda: isochrone.euclidean_distance((3, 3, 3), [(0, 0, 3)], ONE), ValueError, "outside"),
        (lambda: isochrone.euclidean_distance((3, 3, 3), [], (1, 0, 1)), ValueError, "[Ss]pacing"),
        (lambda: isochrone.gaussian((3, 3, 3), [], ONE, 0), ValueError, "sigma"),
        (lambda: isochrone.disk((3, 3, 3), [], ONE, -1), ValueError, "radius"),
        (lambda: isochrone.exponential_geodesic(IMAGE, [], ONE, 0.5, 0), ValueError, "tau"),
        (lambda: isochrone.distance_transform(np.zeros((0, 1, 1), bool), ONE), ValueError, "at least 1"),
        (lambda: isochrone.distance_transform(IMAGE > 0, ONE, side="both"), ValueError, "signed"),
        (lambda: isochrone.distance_transform(IMAGE > 0, ONE, True, "signed"), ValueError, "pad"),
        (lambda: isochrone.distance_transform(IMAGE > 0, (1, np.nan, 1)), ValueError, "[Ss]pacing"),
        (lambda: isochrone.normalise(IMAGE, "median"), ValueError, "min-max"),
        (lambda: isochrone.normalise(IMAGE, "percentile", 101), ValueError, "percent"),
        (lambda: isochrone.normalise(IMAGE, "exponential", 0), ValueError, "tau"),
        (lambda: isochrone.GeodesicField(IMAGE * np.nan, ONE), ValueError, "NaN"),
        (lambda: isochrone.GeodesicField(IMAGE, ONE, 2), ValueError, "lambda"),
        (lambda: isochrone.GeodesicField(IMAGE, ONE, 0.5, np.nan), ValueError, "cutoff"),
        (lambda: isochrone.GeodesicField(IMAGE[:, :0], ONE), ValueError, "at least 1"),
        (lambda: isochrone.GeodesicField([IMAGE] * 4, ONE), ValueError, "channels"),
        (lambda: isochrone.exponential_geodesic(IMAGE, [(9, 0, 0)], ONE, 0.5, 1), ValueError, "outside"),
        (lambda: isochrone.gaussian((3, 3, 3), [(3, 0, 0)], ONE, 1), ValueError, "outside"),
        (lambda: isochrone.gaussian((3, 0, 3), [], ONE, 1), ValueError, "at least 1"),
        (lambda: isochrone.disk((3, 3, 3), [], ONE, np.inf), ValueError, "radius"),
        (lambda: isochrone.adaptive_gaussian(IMAGE, [(0, 0, 7)], ONE), ValueError, "outside"),
        (lambda: isochrone.adaptive_gaussian(IMAGE, [], ONE, a=0), ValueError, "a = 0"),
        (lambda: isochrone.location_prior(IMAGE, []), TypeError, "threshold"),
        (lambda: isochrone.location_prior(IMAGE > 0, [(0, 0, -1)]), ValueError, "negative"),
        (lambda: isochrone.attraction_field((3, 3, 3), [], [(0, 3, 0)], ONE), ValueError, "outside"),
        (lambda: isochrone.attraction_field((3, 3, 3), [], [], ONE, 0), ValueError, "epsilon"),
        (lambda: isochrone.set_threads(0), ValueError, "1 or more"),
    ],
)
def test_refusals(call, error, says):
    with pytest.raises(error, match=says):
        call()


def in_child(queue):
    queue.put(float(isochrone.euclidean_distance((40, 40, 40), [(0, 0, 0)], ONE)[0, 0, 9]))


def test_works_after_fork():
    isochrone.euclidean_distance((40, 40, 40), [(0, 0, 0)], ONE)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=20) == 9
    child.join(20)
    assert child.exitcode == 0


def test_threads_do_not_change_bits():
    before = isochrone.get_threads()
    results = []
    for n in (1, 2, 3):
        isochrone.set_threads(n)
        assert isochrone.get_threads() == n
        results.append(isochrone.geodesic_distance(IMAGE, [(2, 2, 2), (0, 5, 1)], (3, 2, 2), 0.7))
    isochrone.set_threads(before)
    assert all((r == results[0]).all() for r in results)
