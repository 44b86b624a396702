"""DICOM objects of ours, made from series that are written here."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_series import write_series
from scipy.spatial.transform import Rotation

ROOT = Path(__file__).resolve().parents[5]
# Attributes of patient and study that a derived object copies: group, element, VR.
COPIED = [
    (0x0008, 0x0020, "DA"), (0x0008, 0x0030, "TM"), (0x0008, 0x0050, "SH"), (0x0008, 0x0060, "CS"),
    (0x0008, 0x0090, "PN"), (0x0008, 0x1030, "LO"), (0x0010, 0x0010, "PN"), (0x0010, 0x0020, "LO"),
    (0x0010, 0x0030, "DA"), (0x0010, 0x0040, "CS"), (0x0010, 0x1030, "DS"), (0x0020, 0x0010, "SH"),
]  # fmt: skip


@pytest.fixture(scope="session")
def example():
    """Runs an example of the crate, and returns what it prints as JSON."""
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "isochrone-export", "--examples"], cwd=ROOT, check=True)
    about = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True
    )
    programs = Path(json.loads(about.stdout)["target_directory"]) / "release/examples"

    def run(name, *arguments):
        done = subprocess.run([programs / name, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def sitk_image(array, affine):
    image = sitk.GetImageFromArray(array)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def phantom(modality, oblique):
    """Stored voxels, labels 1 and 2 with a hole, an island and two parts that touch at a corner; and the affine."""
    rng = np.random.default_rng(5)
    shape = (23, 61, 50)
    k, j, i = np.indices(shape)
    labels = np.zeros(shape, np.uint8)
    ball = (k - 8) ** 2 * 9 + (j - 30) ** 2 + (i - 22) ** 2
    labels[(ball < 15**2) & (ball > 6**2)] = 1
    labels[ball < 2.5**2] = 1
    labels[(k - 17) ** 2 * 9 + (j - 15) ** 2 + (i - 35) ** 2 < 9**2] = 2
    labels[12, 50, 10] = labels[12, 51, 11] = labels[12, 52, 10] = 2
    labels[15, 58:, 45:] = 1
    array = rng.integers(0, 900, shape).astype(np.int16)
    array[labels > 0] += 3000
    if modality == "CT":
        array -= 1000
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", [14, -9, 31], degrees=True).as_matrix() if oblique else np.eye(3)
    affine[:3, :3] = turn @ np.diag([1.3, 1.1, 3.0]) if modality == "CT" else turn @ np.diag([4.07, 4.07, 3.0])
    affine[:3, 3] = [-41.25, 17.5, -103.75]
    return array, labels, affine


@pytest.fixture(scope="session", params=["CT oblique", "PT"])
def made(request, example, tmp_path_factory):
    """A series, what was drawn on it, and the folder with our objects."""
    modality = request.param.split()[0]
    folder = tmp_path_factory.mktemp(modality)
    array, labels, affine = phantom(modality, "oblique" in request.param)
    slope = 0.25 if modality == "PT" else 1.0
    slices = write_series(folder / "series", array, affine, modality, slope=slope)
    values = (array * slope).astype(np.float32)
    if modality == "PT":
        values = values / 1000
    sitk.WriteImage(sitk_image(values, affine), str(folder / "image.nrrd"))
    sitk.WriteImage(sitk_image(labels, affine), str(folder / "labels.nrrd"))
    first = slices[0]
    attributes = []
    for group, element, vr in COPIED:
        if (group, element) in first:
            attributes.append({"tag": [group, element], "vr": vr, "value": str(first[group, element].value)})
    series = {
        "study_uid": first.StudyInstanceUID,
        "series_uid": first.SeriesInstanceUID,
        "frame_of_reference": first.FrameOfReferenceUID,
        "modality": modality,
        "attributes": attributes,
        "slices": [
            {
                "sop_class_uid": s.SOPClassUID,
                "sop_instance_uid": s.SOPInstanceUID,
                "frame": None,
                "position_lps_mm": [float(v) for v in s.ImagePositionPatient],
            }
            for s in slices
        ],
        "suv": None,
    }
    (folder / "series.json").write_text(json.dumps(series))
    numbers = example("objects", folder / "image.nrrd", folder / "labels.nrrd", folder / "series.json", folder)
    return SimpleNamespace(
        folder=folder, labels=labels, affine=affine, slices=slices, values=values, numbers=numbers, modality=modality
    )


@pytest.fixture(scope="session")
def conforms():
    """Asks dciodvfy; skips where it is not installed."""
    program = shutil.which("dciodvfy")

    def check(path):
        if program is None:
            pytest.skip("dciodvfy is not installed: make oracles, as root")
        done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60)
        said = (done.stdout + done.stderr).splitlines()
        return [line for line in said if line.startswith("Error")], said

    return check
