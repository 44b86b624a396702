"""What training is shown: supervoxels, pasted lesions, restraint, prompts."""

import numpy as np
import pytest

pytest.importorskip("isochrone")
SIDE = 48


def body(rng):
    """Two textured blocks in a box, so that there is a border to find."""
    cube = rng.normal(0, 0.1, (SIDE,) * 3).astype(np.float32)
    cube[:, :24] += 1.0
    cube[:20, :, 30:] += 2.0
    return cube, np.ones((SIDE,) * 3, bool)


def test_supervoxels_are_connected_of_many_sizes_and_keep_off_the_faces():
    from isochrone_training.supervoxels import Basins
    from scipy import ndimage

    rng = np.random.default_rng(1)
    cube, inside = body(rng)
    sizes = []
    for _ in range(12):
        basins = Basins(rng, cube, inside)
        for _ in range(4):
            mask = basins.target(rng)
            if mask is not None:
                assert ndimage.label(mask)[1] == 1
                sizes.append(mask.sum())
    assert len(sizes) > 6 and max(sizes) > 4 * min(sizes)


@pytest.mark.parametrize("modality", ["PT", "MR"])
def test_a_pasted_lesion_differs_from_what_is_round_it(modality):
    from isochrone_training.paste import paste
    from scipy import ndimage

    rng, seen = np.random.default_rng(2), 0
    for _ in range(12):
        cube, inside = body(rng)
        cube += 1.0
        made = paste(rng, cube, inside, modality)
        if made is not None:
            image, mask = made
            outside = ~ndimage.binary_dilation(mask, iterations=6)
            assert np.abs(image - cube)[mask].mean() > 2 * np.abs(image - cube)[outside].mean()
            seen += 1
    assert seen > 4


def test_a_disturbed_mask_has_no_islands_and_satisfied_prompts_ask_for_nothing():
    from isochrone_training.clicks import Clicks, disturbed
    from scipy import ndimage

    rng = np.random.default_rng(3)
    truth = sum((g - 24) ** 2 for g in np.indices((SIDE,) * 3)) <= 25
    far = ndimage.distance_transform_edt(~truth) > 24
    assert not any((disturbed(rng, truth) & far).any() for _ in range(20))
    share = {"satisfied_share": 1.0, "false_blob_share": 0.0}
    for _ in range(10):
        start, wanted = Clicks.resumed(rng, truth, share)
        assert np.array_equal(start.previous, wanted)
        assert all(wanted[tuple(v)] == sign for v, sign in start.clicks)


def test_false_blobs_lie_beside_the_lesion():
    from isochrone_training.clicks import false_blobs

    rng = np.random.default_rng(4)
    truth = sum((g - 24) ** 2 for g in np.indices((SIDE,) * 3)) <= 25
    found = [false_blobs(rng, truth, truth) for _ in range(10)]
    assert np.mean([(f & ~truth).any() for f in found]) > 0.7
    assert all((f & truth).sum() == truth.sum() for f in found)


def test_a_line_is_the_longest_diameter_give_or_take_a_hand():
    from isochrone_training.prompts import line

    rng = np.random.default_rng(5)
    mask = np.zeros((SIDE,) * 3, bool)
    mask[20:28, 18:30, 6:42] = True
    for _ in range(20):
        voxels = np.array(line(rng, mask))
        assert (np.ptp(voxels, 0) == 0).any(), "it lies on one slice"
        length = np.linalg.norm(np.ptp(voxels, 0))
        longest = max(np.hypot(a, b) for a, b in ((11, 35), (7, 35), (7, 11)))
        assert length < 1.1 * longest + 4
        assert mask[tuple(voxels.T)].mean() > 0.5


def test_parts_of_a_mask_are_numbered_and_crumbs_are_left_out():
    from isochrone_training.volumes import parts

    labels = np.zeros((20, 20, 20), np.uint8)
    labels[2:10, 2:10, 2:10], labels[10:14, 2:10, 2:10], labels[18, 18, 10:19] = 1, 2, 1
    planes, targets = parts(labels, (2.0, 1.0, 1.0), {"1": "liver"}, many=False)
    assert planes.shape[0] == 2
    assert [(t.plane, t.name, round(t.ml, 3)) for t in targets] == [
        (0, "liver", 1.024), (0, "", 0.512), (1, "", 1.536)]
    many = parts(labels, (2.0, 1.0, 1.0), {}, many=True)[1]
    assert len(many) == 5
