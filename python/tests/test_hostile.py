"""Hostile input of every map: one table of functions, driven through one table of faults."""

import isochrone
import numpy as np
import pytest

ONE, SHAPE, AT = (1.0, 1.0, 1.0), (3, 4, 5), [(1, 1, 1)]
IMAGE = np.add.outer(np.add.outer(np.arange(3), 2 * np.arange(4)), np.arange(5)).astype(np.float32)


def field(image, points, spacing, lam):
    held = isochrone.GeodesicField(image, spacing, lam)
    for point in points:
        held.insert(point)
    return held.map


# Each takes an image, points, a spacing and λ (or a width).
ON_IMAGES = {
    "geodesic_distance": isochrone.geodesic_distance,
    "exponential_geodesic": lambda im, p, s, lam: isochrone.exponential_geodesic(im, p, s, lam, 1),
    "adaptive_gaussian": isochrone.adaptive_gaussian,
    "GeodesicField": field,
}
ON_SHAPES = {
    "euclidean_distance": lambda im, p, s, _: isochrone.euclidean_distance(im.shape, p, s),
    "gaussian": lambda im, p, s, x: isochrone.gaussian(im.shape, p, s, x),
    "disk": lambda im, p, s, x: isochrone.disk(im.shape, p, s, x),
    "attraction_field": lambda im, p, s, x: isochrone.attraction_field(im.shape, p, p, s, x),
}
ON_MASKS = {
    "distance_transform": lambda im, p, s, _: isochrone.distance_transform(im > 3, s),
    "distance_transform, border": lambda im, p, s, _: isochrone.distance_transform(im > 3, s, True),
    "distance_transform, outside": lambda im, p, s, _: isochrone.distance_transform(im > 3, s, side="outside"),
    "distance_transform, signed": lambda im, p, s, _: isochrone.distance_transform(im > 3, s, side="signed"),
    "location_prior": lambda im, p, s, _: isochrone.location_prior(im > 3, p),
}
ON_MAPS = {
    "normalise, min-max": lambda im, p, s, _: isochrone.normalise(im, "min-max"),
    "normalise, percentile": lambda im, p, s, _: isochrone.normalise(im, "percentile", 30),
    "normalise, exponential": lambda im, p, s, _: isochrone.normalise(im, "exponential", 4),
}
WITH_SPACING = {**ON_IMAGES, **ON_SHAPES, **ON_MASKS}
EVERY = {**WITH_SPACING, **ON_MAPS}
WITH_POINTS = {k: v for k, v in WITH_SPACING.items() if "transform" not in k}
del WITH_SPACING["location_prior"]


def bad(value):
    image = IMAGE.copy()
    image[2, 1, 3] = value
    return image


FAULTS = {  # name → (functions, image, points, spacing, λ or width, error, what it says)
    **{f"{v} in it": (ON_IMAGES, bad(v), AT, ONE, 0.5, ValueError, r"\[2, 1, 3\]") for v in (np.nan, np.inf, 1e38)},
    **{f"lam {v}": (ON_IMAGES, IMAGE, AT, ONE, v, ValueError, "lambda") for v in (-0.1, 1.1, np.nan)},
    "lam without points": (ON_IMAGES, IMAGE, [], ONE, 2, ValueError, "lambda"),
    **{f"side {v}": (WITH_SPACING, IMAGE, AT, (1, v, 1), 0.5, ValueError, "Spacing") for v in (0, -1, np.nan, np.inf)},
    "two spacings": (WITH_SPACING, IMAGE, AT, (1, 1), 0.5, ValueError, None),
    **{f"empty along {a}": (EVERY, IMAGE.take([], a), [], ONE, 0.5, ValueError, "at least 1") for a in range(3)},
    "2D": (EVERY, IMAGE[0], [], ONE, 0.5, (ValueError, TypeError), None),
    "point outside": (WITH_POINTS, IMAGE, [(0, 0, 0), (0, 4, 0)], ONE, 0.5, ValueError, "outside"),
    "negative index": (WITH_POINTS, IMAGE, [(0, -1, 0)], ONE, 0.5, ValueError, "negative"),
    "fraction": (WITH_POINTS, IMAGE, [(0.5, 1, 0)], ONE, 0.5, TypeError, "integers"),
    "pair": (WITH_POINTS, IMAGE, [(1, 0)], ONE, 0.5, ValueError, "shape"),
    "text": (ON_IMAGES, np.full(SHAPE, "a"), AT, ONE, 0.5, TypeError, "real"),
    "complex": (ON_IMAGES, IMAGE.astype(complex), AT, ONE, 0.5, TypeError, "real"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refused(fault):
    functions, image, points, spacing, number, error, says = FAULTS[fault]
    for call in functions.values():
        with pytest.raises(error, match=says):
            call(image, points, spacing, number)


@pytest.mark.parametrize("width", [-1, np.nan, np.inf])
@pytest.mark.parametrize("name", ["gaussian", "disk", "attraction_field"])
def test_widths(name, width):
    with pytest.raises(ValueError, match="cannot be used"):
        ON_SHAPES[name](IMAGE, AT, ONE, width)


LAYOUTS = {
    "strided": np.repeat(IMAGE, 2, axis=2)[:, :, ::2],
    "reversed": np.ascontiguousarray(IMAGE[::-1, :, ::-1])[::-1, :, ::-1],
    "fortran": np.asfortranarray(IMAGE),
    "read-only": np.frombuffer(IMAGE.tobytes(), np.float32).reshape(SHAPE),
    "big-endian": IMAGE.astype(">f4"),
    **{np.dtype(t).name: IMAGE.astype(t) for t in (np.float64, np.float16, np.int16, np.uint8, np.int64)},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", EVERY)
def test_layouts_and_types_give_the_same_bits(name, layout):
    points = np.array([(1, 2, 3), (0, 0, 0)])
    wanted = EVERY[name](IMAGE, points, ONE, 0.5)
    for p in (points, points.astype(np.uint8), np.asfortranarray(points), np.repeat(points, 2, axis=0)[::2]):
        assert EVERY[name](LAYOUTS[layout], p, ONE, 0.5).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name", WITH_POINTS)
@pytest.mark.parametrize("empty", [[], np.zeros((0, 3), int), ()], ids=["list", "array", "tuple"])
def test_no_points(name, empty):
    far = name in ("geodesic_distance", "euclidean_distance", "GeodesicField")
    assert (WITH_POINTS[name](IMAGE, empty, ONE, 0.5) == (np.inf if far else 0)).all()
