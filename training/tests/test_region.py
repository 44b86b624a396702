"""Regions, normalisation and the whole-volume reader."""

import numpy as np
import pytest

pytest.importorskip("isochrone")


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
    rule = {
        "side_voxels": 64, "percentiles": [0.5, 99.5], "first_spacing_mm": 0.8,
        "min_spacing_mm": 0.5, "max_spacing_mm": 6.0, "zoom_out": 1.5, "context": 1.5,
        "shrink_below": 0.3, "shrink_to": 2.0, "reach_voxels": 10, "first_spacing_voxels": 0.75,
        "local_from": 3,
        "encoding": {"kind": "gaussian", "sigma_voxels": 2.0},
    }
    network = lambda image, previous, positive, negative: (image[0] > 0.5).astype(np.float32)
    session = Session([truth * 10.0], (1.0, 1.0, 1.0), network, rule)
    assert play(session, truth, 3)[-1] > 0.97
    session = Session([ball((60, 60, 60), (30, 28, 33), 26) * 10.0], (1.0, 1.0, 1.0), network, rule)
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


def test_patients_are_on_one_side():
    from isochrone_training.data import TRAIN_PATIENTS, VALIDATION_PATIENTS, patient

    assert not TRAIN_PATIENTS & VALIDATION_PATIENTS
    assert patient("sts_001_mr_t1") == "sts_001"
    assert patient("nsclc_petct_001491_pt") in VALIDATION_PATIENTS
