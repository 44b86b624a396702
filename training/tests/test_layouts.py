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
