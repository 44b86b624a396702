"""Structures that are found in images, on bodies whose structures are known."""

import numpy as np
import pytest

pytest.importorskip("isochrone")


def ball(shape, centre, radius):
    return sum((g - c) ** 2 for g, c in zip(np.indices(shape), centre)) <= radius**2


def test_a_ball_is_found_and_neither_the_lesion_nor_a_plate():
    from isochrone_training.data import Case
    from isochrone_training.structures import structures

    rng, shape = np.random.default_rng(3), (48, 64, 64)
    node, lesion = ball(shape, (20, 20, 44), 8), ball(shape, (30, 44, 18), 7)
    plate = np.zeros(shape, bool)
    plate[40:42, 6:58, 6:58] = True
    image = rng.normal(0, 4, shape) + 100 * (node | lesion | plate)
    case = Case("made", "CT", image.astype(np.float32), lesion.astype(np.uint8), (1.0, 1.0, 1.0))
    scores = []
    for _, box, mask in structures(case, np.random.default_rng(0)):
        full = np.zeros(shape, bool)
        full[box] = mask
        assert not (full & lesion).any()
        assert (full & plate).sum() < 0.5 * plate.sum()
        scores.append(2 * (full & node).sum() / (full.sum() + node.sum()))
    assert max(scores) > 0.9


def test_a_structure_is_stored_as_the_sampler_reads_it(tmp_path):
    from isochrone_training.data import Case
    from isochrone_training.structures import save
    from isochrone_training.volumes import stored as read

    shape = (40, 40, 40)
    node = ball(shape, (20, 20, 20), 6)
    case = Case("made", "MR", node.astype(np.float32), np.zeros(shape, np.uint8), (2.0, 1.0, 1.0))
    box = tuple(slice(14, 27) for _ in range(3))
    save(case, box, node[box], tmp_path / "made_00.npz")
    stored = read(tmp_path / "made_00.npz")
    assert stored.modalities == ["MR"] and stored.spacing_mm == (2.0, 1.0, 1.0)
    assert len(stored.targets) == 1 and (stored.planes > 0).sum() == node.sum()
