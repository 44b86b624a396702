"""Measures and files of a session over gRPC, and the same from the command line."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import grpc
import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_series import write_series

from .conftest import BINARY, REPO

DATA = Path(os.environ.get("ISOCHRONE_DATA", REPO / ".." / "shared" / "data"))


def run(*arguments, code=0):
    done = subprocess.run([BINARY, *map(str, arguments)], cwd=REPO, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def hot_spot(root, name):
    """A PET in SUV with one hot ball, and the place of its middle in LPS mm."""
    rng = np.random.default_rng(1)
    k, j, i = np.indices((30, 32, 34))
    array = (1 + 0.2 * rng.random((30, 32, 34))).astype(np.float32)
    array[((k - 15) * 3.0) ** 2 + ((j - 16) * 4.0) ** 2 + ((i - 17) * 4.0) ** 2 < 14**2] += 8
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((4.0, 4.0, 3.0))
    image.SetOrigin((-60.0, -70.0, 20.0))
    sitk.WriteImage(image, str(root / name))
    return array, image, image.TransformIndexToPhysicalPoint((17, 16, 15))


def test_a_click_on_pet_tells_mtv_and_tlg(api, channel, root):
    array, image, centre = hot_spot(root, "pet.nrrd")
    load = api.volumes.LoadFileRequest(path="pet.nrrd", modality=api.volumes.MODALITY_PT)
    volume = api.volumes_grpc.VolumesStub(channel).LoadFile(load)
    sessions = api.segmentation_grpc.SegmentationStub(channel)
    opened = api.segmentation.OpenSessionRequest(volume_ids=[volume.volume_id], engine="geodesic")
    session = sessions.OpenSession(opened).session_id
    label = sessions.AddLabel(api.labels.AddLabelRequest(session_id=session, name="hot")).label_id
    point = api.geometry.Point(x=centre[0], y=centre[1], z=centre[2])
    click = api.prompts.Prompt(click=api.prompts.Click(position=point, polarity=api.prompts.POLARITY_POSITIVE))
    request = api.segmentation.AddPromptsRequest(session_id=session, label_id=label, prompts=[click], mask_only=True)
    update = next(iter(sessions.AddPrompts(request))).mask
    assert [m.label_id for m in update.measures] == [label, 0]
    export = api.export_grpc.ExportStub(channel)
    save = api.export.ExportRequest(session_id=session, format=api.export.EXPORT_FORMAT_NRRD, path="hot.seg.nrrd")
    assert export.Export(save).objects[0].size_bytes == (root / "hot.seg.nrrd").stat().st_size
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(root / "hot.seg.nrrd"))) == label
    values = array[mask].astype(float)
    asked = export.Measure(api.export.MeasureRequest(session_id=session))
    for found in (update.measures[0], update.measures[1], asked.labels[0], asked.total):
        assert found.volume_ml == pytest.approx(mask.sum() * 0.048)
        assert found.maximum == pytest.approx(values.max(), rel=1e-6)
        assert found.mean == pytest.approx(values.mean(), rel=1e-6)
        assert found.lesion_glycolysis == pytest.approx(values.sum() * 0.048, rel=1e-6)
        assert found.mean < found.peak <= found.maximum
    # The command line says the same.
    said = run("measure", root / "pet.nrrd", "--modality", "PT", "--mask", root / "hot.seg.nrrd", "--json")
    total = json.loads(said)["total"]
    assert total["tlg_g"] == pytest.approx(asked.total.lesion_glycolysis)
    assert total["peak"] == pytest.approx(asked.total.peak)


def test_export_stays_below_the_root_and_says_why_not(api, channel, root):
    hot_spot(root, "pet.nrrd")
    load = api.volumes.LoadFileRequest(path="pet.nrrd", modality=api.volumes.MODALITY_PT)
    volume = api.volumes_grpc.VolumesStub(channel).LoadFile(load)
    sessions = api.segmentation_grpc.SegmentationStub(channel)
    opened = api.segmentation.OpenSessionRequest(volume_ids=[volume.volume_id], engine="geodesic")
    session = sessions.OpenSession(opened).session_id
    sessions.AddLabel(api.labels.AddLabelRequest(session_id=session, name="hot"))
    export = api.export_grpc.ExportStub(channel)
    nifti, seg = api.export.EXPORT_FORMAT_NIFTI, api.export.EXPORT_FORMAT_DICOM_SEG
    before = sorted(p.name for p in root.parent.iterdir())
    codes = grpc.StatusCode
    for format_, path, code in [
        (nifti, "../mask.nii.gz", codes.PERMISSION_DENIED),
        (nifti, "/tmp/mask.nii.gz", codes.PERMISSION_DENIED),
        (nifti, "mask.dcm", codes.INVALID_ARGUMENT),
        (99, "mask.dcm", codes.INVALID_ARGUMENT),
        (0, "mask.dcm", codes.INVALID_ARGUMENT),
        (seg, "a\0.dcm", codes.FAILED_PRECONDITION),  # Not from DICOM; said before the path is looked at.
        (seg, "mask.dcm", codes.FAILED_PRECONDITION),
    ]:
        with pytest.raises(grpc.RpcError) as refused:
            export.Export(api.export.ExportRequest(session_id=session, format=format_, path=path, overwrite=True))
        assert refused.value.code() == code, (path, refused.value.details())
    assert sorted(p.name for p in root.parent.iterdir()) == before
    # An empty label measures nothing.
    empty = export.Measure(api.export.MeasureRequest(session_id=session))
    assert not empty.labels and not empty.HasField("total")


def test_the_command_line_exports_dicom(tmp_path):
    rng = np.random.default_rng(2)
    array = rng.integers(-1000, 400, (12, 40, 36)).astype(np.int16)
    affine = np.array([[0, 0, 2.5, -20.0], [1.1, 0, 0, 30.0], [0, 1.3, 0, -50.0], [0, 0, 0, 1]])
    slices = write_series(tmp_path / "series", array, affine, "CT")
    labels = np.zeros(array.shape, np.uint8)
    labels[3:8, 10:20, 12:18], labels[9, 5, 5] = 1, 2
    map_ = sitk.GetImageFromArray(labels)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    map_.SetSpacing(spacing.tolist())
    map_.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    map_.SetOrigin(affine[:3, 3].tolist())
    # The volume's k may run against the order of writing: resample by place, not by index.
    sitk.WriteImage(map_, str(tmp_path / "drawn.nrrd"))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "series")))
    image = reader.Execute()
    identity = sitk.Transform()
    sitk.WriteImage(sitk.Resample(map_, image, identity, sitk.sitkNearestNeighbor), str(tmp_path / "labels.nrrd"))
    out = tmp_path / "report.dcm"
    common = ["export", tmp_path / "series", "--mask", tmp_path / "labels.nrrd", "-o", out]
    run(*common, "--format", "sr", "--name", "first", "--anatomy", "lung", "--algorithm", "other tool")
    seg = hd.seg.segread(tmp_path / "report.seg.dcm")
    pixels = seg.get_pixels_by_source_instance(
        [s.SOPInstanceUID for s in slices], assert_missing_frames_are_empty=True
    )
    for n in (1, 2):
        assert np.array_equal(pixels[..., n - 1] > 0, labels == n)
    assert [s.SegmentLabel for s in seg.SegmentSequence] == ["first", "label 2"]
    report = hd.sr.srread(out)
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert groups[0].get_measurements()[0].value == pytest.approx((labels == 1).sum() * np.prod(spacing) / 1000)
    assert "--force" in run(*common, "--format", "seg", code=64)
    if (program := shutil.which("dciodvfy")) is not None:
        for path in (out, tmp_path / "report.seg.dcm"):
            said = subprocess.run([program, path], capture_output=True, text=True, check=False)
            assert "Error" not in said.stdout + said.stderr, said.stdout + said.stderr
    run(*common, "--format", "rtstruct", "--force")
    assert pydicom.dcmread(out).Modality == "RTSTRUCT"


def test_the_published_suv_of_a_real_tumour():
    case = DATA / "dicom" / "sts001_fdg_pet"
    masks = sorted(case.glob("*mask*.nii.gz"))
    if not masks:
        pytest.skip("the real PET is not on this machine")
    found = json.loads(run("measure", case / "dicom", "--mask", masks[0], "--json"))
    assert round(found["total"]["max"], 4) == 7.9107
    assert round(found["total"]["mean"], 3) == 2.555
