"""Regions, normalisation and the whole-volume reader."""

import numpy as np
import pytest

pytest.importorskip("isochrone")
RULE = {
    "side_voxels": 64, "percentiles": [0.5, 99.5], "first_spacing_mm": 0.8,
    "min_spacing_mm": 0.5, "max_spacing_mm": 6.0, "zoom_out": 1.5, "context": 1.5,
    "shrink_below": 0.3, "shrink_to": 2.0, "reach_voxels": 10, "first_spacing_voxels": 0.75,
    "local_from": 3,
    "encoding": {"kind": "gaussian", "sigma_voxels": 2.0},
}


def ball(shape, centre, radius):
    grid = np.indices(shape)
    return sum((g - c) ** 2 for g, c in zip(grid, centre)) <= radius**2


def region(spacing=1.0, centre=(20, 21, 22), shape=(40, 42, 44), volume_spacing=(1.0, 1.0, 1.0)):
    from isochrone_training.region import Region

    return Region(centre, (spacing,) * 3, 32, shape, volume_spacing)


def test_cut_and_paste_bring_a_mask_back():
    cut = region()
    mask = ball(cut.volume_shape, cut.centre, 8)
    back = cut.paste(cut.cut(mask, 0.0), 0.0) > 0.5
    assert (back != mask).mean() < 0.01


def test_region_coordinates_follow_the_spacings():
    cut = region(spacing=2.0, volume_spacing=(4.0, 1.0, 1.0))
    at = cut.region_from_voxel((21, 21, 24))
    assert np.allclose(at, (15.5 + 2, 15.5, 15.5 + 1))


def test_normalise_ignores_what_is_outside():
    from isochrone_training.region import normalise

    rng = np.random.default_rng(0)
    image = rng.normal(50, 9, (16, 16, 16)).astype(np.float32)
    inside = np.zeros(image.shape, bool)
    inside[:8] = True
    image[8:] = 1e6
    result = normalise(image, inside)
    assert abs(result[:8].mean()) < 1e-5 and abs(result[:8].std() - 1) < 1e-5
    assert (result[8:] == 0).all()


def test_reader_finds_a_bright_ball_with_a_threshold_for_a_network():
    from isochrone_training.reader import Session, play

    truth = ball((60, 60, 60), (30, 28, 33), 18)
    network = lambda image, previous, positive, negative: ((image[0] > 0.5).astype(np.float32), 0.5)
    session = Session([truth * 10.0], (1.0, 1.0, 1.0), network, RULE)
    assert play(session, truth, 3)[-1] > 0.97
    session = Session([ball((60, 60, 60), (30, 28, 33), 26) * 10.0], (1.0, 1.0, 1.0), network, RULE)
    session.click((30, 28, 33), True)
    assert session.passes > 1, "a lesion larger than the region must zoom out"


def test_synthetic_volumes_repeat_and_hold_one_lesion():
    from isochrone_training.synth import volume
    from scipy import ndimage

    image, mask, spacing = volume(np.random.default_rng(3))
    again, _, _ = volume(np.random.default_rng(3))
    assert np.array_equal(image, again)
    assert image.shape == mask.shape and mask.any() and min(spacing) > 0
    assert ndimage.label(mask, np.ones((3, 3, 3)))[1] <= 3


def test_reading_only_what_a_region_needs_changes_nothing():
    from isochrone_training.region import Region, resample_region

    volume = np.random.default_rng(5).normal(0, 1, (40, 90, 80)).astype(np.float32)
    for centre, spacing in (((20.3, 44.0, 41.7), 0.7), ((2.0, 88.0, 5.0), 2.2), ((39.0, 0.0, 79.0), 5.0)):
        region = Region(centre, (spacing,) * 3, 32, volume.shape, (3.0, 1.0, 1.2))
        wanted = resample_region(volume, (3.0, 1.0, 1.2), centre, (32,) * 3, (spacing,) * 3, 0.0)
        assert np.allclose(region.cut(volume, 0.0), wanted, atol=1e-4)


def test_a_first_click_takes_the_spacing_that_the_network_expects_most_of():
    from isochrone_training.reader import Session

    seen = []

    def network(image, previous, positive, negative):
        seen.append(session.region.spacing_mm[0])
        return (positive > 0.5).astype(np.float32), 0.9 if 2.9 < seen[-1] < 3.1 else 0.2

    rule = RULE | {"first_spacings_mm": [0.8, 1.5, 3.0, 5.0], "first_spacings_voxels": [0.4, 0.75, 1.5, 2.5]}
    session = Session([np.ones((60, 60, 60), np.float32)], (1.0, 1.0, 1.0), network, rule, several=True)
    session.click((30, 30, 30), True)
    assert seen[:4] == [0.8, 1.5, 3.0, 5.0] and seen[4] == 3.0
