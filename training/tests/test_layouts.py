"""Cases are found in every layout, and read with their channels on one grid."""

import json

import numpy as np
import pytest

nibabel = pytest.importorskip("nibabel")
pytest.importorskip("isochrone")


def save(path, values, spacing=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([spacing, spacing, spacing, 1.0])), path)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(0, 1, (12, 10, 8)).astype(np.float32)


@pytest.mark.parametrize("layout", ["plain", "nnunet", "msd", "autopet"])
def test_layouts(tmp_path, image, layout):
    from isochrone_training.layouts import find_cases

    mask = (image > 1).astype(np.uint8)
    if layout == "plain":
        save(tmp_path / "labelled/a_1/image.nii.gz", image)
        save(tmp_path / "labelled/a_1/mask.nii.gz", mask)
        (tmp_path / "labelled/a_1/meta.json").write_text(json.dumps({"modality": "CT"}))
        expected = ("a_1", ("CT",))
    elif layout == "nnunet":
        for n in range(2):
            save(tmp_path / f"imagesTr/x_{n:04d}.nii.gz", image)
        save(tmp_path / "labelsTr/x.nii.gz", mask)
        (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": {"0": "PET", "1": "CT"}}))
        expected = ("x", ("PT", "CT"))
    elif layout == "msd":
        save(tmp_path / "imagesTr/liver_3.nii.gz", image)
        save(tmp_path / "labelsTr/liver_3.nii.gz", mask)
        (tmp_path / "labelsTr/._liver_3.nii.gz").write_bytes(b"")
        (tmp_path / "dataset.json").write_text(json.dumps({"modality": {"0": "MRI"}}))
        expected = ("liver_3", ("MR",))
    else:
        for name, values in (("SUV", image), ("CTres", image), ("SEG", mask)):
            save(tmp_path / f"PETCT_1/study/{name}.nii.gz", values)
        expected = ("PETCT_1_study", ("PT", "CT"))
    (case,) = find_cases(tmp_path)
    assert (case.name, case.modalities) == expected
    assert all(p.exists() for p in (*case.images, case.mask))


def test_nothing_found_says_what_was_expected(tmp_path):
    from isochrone_training.layouts import find_cases

    with pytest.raises(ValueError, match="labelsTr"):
        find_cases(tmp_path)


def test_a_companion_comes_onto_the_first_images_grid(tmp_path, image):
    from isochrone_training.data import read_case
    from isochrone_training.layouts import find_cases

    save(tmp_path / "c/image_0000.nii.gz", image, 2.0)
    ramp = np.broadcast_to(np.arange(24, dtype=np.float32)[:, None, None], (24, 20, 16)).copy()
    save(tmp_path / "c/image_0001.nii.gz", ramp, 1.0)
    save(tmp_path / "c/mask.nii.gz", (image > 1).astype(np.uint8), 2.0)
    (files,) = find_cases(tmp_path)
    case = read_case(files, channels=2)
    assert case.companions[0].shape == case.image.shape == (8, 10, 12)
    assert np.allclose(case.companions[0][0, 0], 2.0 * np.arange(12))
    assert not read_case(files).companions


def test_every_habit_of_the_reader_is_one_of_the_wheels():
    from isochrone_training.clicks import HABITS, next_prompt

    truth = np.zeros((20, 20, 20), bool)
    truth[4:15, 5:16, 6:14] = True
    nothing, rng = np.zeros_like(truth), np.random.default_rng(3)
    logit = rng.standard_normal(truth.shape).astype(np.float32)
    prompts = [next_prompt(rng, nothing, truth, logit) for _ in range(200)]
    assert all(sign for _, sign in prompts)
    hits = [truth[v] for voxels, _ in prompts for v in voxels]
    assert np.mean(hits) > 0.9, "only a shaking hand leaves the lesion"
    assert len({len(v) for v, _ in prompts}) > 1, "some prompts are scribbles"
    assert next_prompt(rng, truth, truth) is None
    assert sum(HABITS.values()) == pytest.approx(1.0)


def test_the_training_hears_why_there_are_no_samples(tmp_path):
    from isochrone_training.feed import Feed

    feed = Feed(tmp_path, {}, 1)
    with pytest.raises(RuntimeError, match="index.json"):
        feed.next()
    feed.close()


def test_a_split_without_a_file_keeps_every_fifth_patient_apart(tmp_path, image):
    from isochrone_training.data import read_cases, read_split

    for n in range(6):
        folder = tmp_path / f"c{n}"
        save(folder / "image.nii.gz", image)
        save(folder / "mask.nii.gz", (image > 1).astype(np.uint8))
        (folder / "meta.json").write_text(f'{{"modality": "MR", "patient": "p{n // 2}"}}')
    recipe = {"data": {"split": "split.toml"}, "network": {"image_channels": 1}}
    assert len(read_split(tmp_path, recipe)["train"]) == 6
    (tmp_path / "split.toml").write_text('train = ["c0"]\nvalidate = ["c2"]\nvalidate_unseen = ["c4"]')
    assert [c.name for c in read_cases(tmp_path, "validate_unseen", recipe)] == ["c4"]
    (tmp_path / "split.toml").write_text('train = ["c0"]\nvalidate = ["c1"]')
    with pytest.raises(ValueError, match="p0"):
        read_split(tmp_path, recipe)
