import isochrone
import numpy as np
import pytest

IMAGE = np.random.default_rng(0).normal(size=(7, 12, 80)).astype(np.float32)


@pytest.mark.parametrize("cutoff", [None, 6.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_follows_clicks_bit_for_bit(channels, cutoff):
    image = IMAGE if channels == 1 else np.stack([IMAGE, IMAGE[::-1] * 2])
    spacing = (3.0, 2.0, 2.0)
    field = isochrone.GeodesicField(image, spacing, 0.5, cutoff)
    assert np.isposinf(field.map).all()
    rng, points, shown = np.random.default_rng(1), [], field.map
    for step in range(12):
        if step % 3 == 2:
            field.remove(points.pop(int(rng.integers(len(points)))))
        else:
            points.append(tuple(int(rng.integers(n)) for n in IMAGE.shape))
            field.insert(points[-1])
        wanted = isochrone.geodesic_distance(image, points, spacing, 0.5, cutoff)
        assert (field.map == wanted).all()
        assert sorted(field.points) == sorted(points)
    assert np.shares_memory(shown, field.map)


def test_the_map_is_not_to_be_written():
    field = isochrone.GeodesicField(IMAGE, (1, 1, 1))
    with pytest.raises(ValueError, match="read-only"):
        field.map[0, 0, 0] = 1
    with pytest.raises(ValueError, match="not in the set"):
        field.remove((0, 0, 0))
    with pytest.raises(ValueError, match="outside"):
        field.insert((0, 0, 80))
    with pytest.raises(ValueError, match="one point"):
        field.insert([(0, 0, 0), (1, 1, 1)])


def test_only_the_box_changes():
    field = isochrone.GeodesicField(IMAGE.astype(np.float64), (1, 1, 1), 0.5, 2.0)
    box = field.insert((3, 6, 40))
    inside = np.zeros(IMAGE.shape, bool)
    inside[tuple(slice(*r) for r in box)] = True
    assert np.isposinf(field.map[~inside]).all() and np.isfinite(field.map).any()
    assert inside.sum() < IMAGE.size / 2
