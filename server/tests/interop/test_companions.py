"""PET and CT of two frames of reference, values set by hand, anatomy, and probabilities: over gRPC and by command."""

import grpc
import highdicom as hd
import numpy as np
import pydicom
import pytest
from dicom_series import write_series
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from .test_measures import run

SHIFT = np.array([5.0, -3.0, 12.0])


def ball(shape, affine, centre, radius):
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)[..., ::-1]
    return np.linalg.norm(grid @ affine[:3, :3].T + affine[:3, 3] - centre, axis=-1) <= radius


def registration(path, ct, pet, shift):
    """A Spatial Registration: PET points, moved by `shift`, lie in the CT's frame of reference."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = "1.2.840.10008.5.1.4.1.1.66.1", ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.Modality, ds.StudyInstanceUID, ds.SeriesInstanceUID = "REG", ct.StudyInstanceUID, generate_uid()
    ds.FrameOfReferenceUID = ct.FrameOfReferenceUID
    items = []
    for uid, moved in ((ct.FrameOfReferenceUID, np.zeros(3)), (pet.FrameOfReferenceUID, shift)):
        matrix = np.eye(4)
        matrix[:3, 3] = moved
        step, steps, item = Dataset(), Dataset(), Dataset()
        step.FrameOfReferenceTransformationMatrixType = "RIGID"
        step.FrameOfReferenceTransformationMatrix = [f"{v:g}" for v in matrix.ravel()]
        steps.MatrixSequence, item.FrameOfReferenceUID = [step], uid
        item.MatrixRegistrationSequence = [steps]
        items.append(item)
    ds.RegistrationSequence = items
    ds.save_as(path, enforce_file_format=True)


@pytest.fixture(scope="module")
def study(root):
    """A CT of 1×1×2 mm with a bright ball, and a PET of 3 mm in another frame of reference, with the same ball hot."""
    fine = np.diag([1.0, 1, 2, 1])
    fine[:3, 3] = [-30, -40, -50]
    coarse = np.diag([3.0, 3, 3, 1])
    coarse[:3, 3] = np.array([-33, -42, -53]) - SHIFT
    rng = np.random.default_rng(5)
    centre = np.array([2.0, -5, -10])
    shape = (40, 70, 64)
    ct = np.where(ball(shape, fine, centre, 12), 80, -50) + rng.integers(-3, 4, shape)
    shape = (30, 26, 24)
    pet = np.where(ball(shape, coarse, centre - SHIFT, 12), 9000, 800) + rng.integers(0, 60, shape)
    slices = write_series(root / "study" / "ct", ct, fine, "CT")
    hot = write_series(root / "study" / "pet", pet, coarse, "PT")
    for ds in hot:
        ds.StudyInstanceUID = slices[0].StudyInstanceUID
        ds.save_as(root / "study" / "pet" / f"{ds.SOPInstanceUID[-12:]}.dcm", enforce_file_format=True)
    registration(root / "reg.dcm", slices[0], hot[0], SHIFT)
    return slices, centre, pet, coarse


def opened(api, channel, ids):
    sessions = api.segmentation_grpc.SegmentationStub(channel)
    request = api.segmentation.OpenSessionRequest(volume_ids=ids, engine="geodesic")
    return sessions, sessions.OpenSession(request).session_id


def click(api, sessions, session, label, at):
    point = api.geometry.Point(x=at[0], y=at[1], z=at[2])
    prompt = api.prompts.Prompt(click=api.prompts.Click(position=point, polarity=api.prompts.POLARITY_POSITIVE))
    request = api.segmentation.AddPromptsRequest(session_id=session, label_id=label, prompts=[prompt], mask_only=True)
    return next(iter(sessions.AddPrompts(request))).mask


def test_a_pet_of_another_frame_is_aligned_and_measured(api, channel, study):
    _, centre, stored, coarse = study
    volumes = api.volumes_grpc.VolumesStub(channel)
    ct = volumes.LoadFile(api.volumes.LoadFileRequest(path="study/ct"))
    pet = volumes.LoadFile(api.volumes.LoadFileRequest(path="study/pet"))
    with pytest.raises(grpc.RpcError) as refused:
        opened(api, channel, [ct.volume_id, pet.volume_id])
    assert "frames of reference" in refused.value.details()

    def align(**by):
        request = api.volumes.AlignVolumeRequest(volume_id=pet.volume_id, to_volume_id=ct.volume_id, **by)
        return volumes.AlignVolume(request)

    moved = align(registration_path="reg.dcm")
    assert moved.frame_of_reference_uid == ct.frame_of_reference_uid
    assert any("registration" in w for w in moved.warnings)
    there, before = moved.grid.origin, pet.grid.origin
    np.testing.assert_allclose([there.x - before.x, there.y - before.y, there.z - before.z], SHIFT, atol=1e-9)
    assert align(same_place=True).grid == pet.grid
    for wrong, code in [
        ({}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"same_place": False}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"registration_path": "../reg.dcm"}, grpc.StatusCode.PERMISSION_DENIED),
        ({"registration_path": "study/ct"}, grpc.StatusCode.INVALID_ARGUMENT),
    ]:
        with pytest.raises(grpc.RpcError) as refused:
            align(**wrong)
        assert refused.value.code() == code, (wrong, refused.value.details())

    sessions, session = opened(api, channel, [ct.volume_id, moved.volume_id])
    label = sessions.AddLabel(api.labels.AddLabelRequest(session_id=session, name="hot")).label_id
    update = click(api, sessions, session, label, centre)
    assert {(m.label_id, m.volume_id) for m in update.measures} == {(label, moved.volume_id), (0, moved.volume_id)}
    found = update.measures[0]
    # What lies under the ball, computed apart from it: the ball's middle is hot whatever the mask's border is.
    suv = stored / 1000.0
    inside = ball(stored.shape, coarse, centre - SHIFT, 12)
    assert found.maximum == pytest.approx(suv[inside].max(), rel=1e-5)
    assert found.mean == pytest.approx(suv[inside].mean(), rel=0.1)
    assert found.lesion_glycolysis == pytest.approx(found.mean * found.volume_ml)
    asked = api.export_grpc.ExportStub(channel).Measure(api.export.MeasureRequest(session_id=session))
    assert asked.companions[0] == found
    assert asked.total.volume_id == "" and asked.total.mean == pytest.approx(80, abs=10)


def test_values_set_by_hand_anatomy_and_probabilities_are_exported(api, channel, root, study):
    slices, centre, *_ = study
    volumes = api.volumes_grpc.VolumesStub(channel)
    export = api.export_grpc.ExportStub(channel)
    plain = volumes.LoadFile(api.volumes.LoadFileRequest(path="study/pet"))
    hand = api.volumes.SuvByHand(weight_kg=140)
    pet = volumes.LoadFile(api.volumes.LoadFileRequest(path="study/pet", suv=hand))
    assert any("set by hand" in w for w in pet.warnings) and pet.content_hash != plain.content_hash
    with pytest.raises(grpc.RpcError) as refused:
        volumes.LoadFile(api.volumes.LoadFileRequest(path="study/pet", suv=api.volumes.SuvByHand(weight_kg=-1)))
    assert "suv.weight_kg" in refused.value.details()
    sessions, session = opened(api, channel, [pet.volume_id])
    lung = api.labels.Code(value="39607008", scheme="SCT", meaning="Lung")
    label = sessions.AddLabel(api.labels.AddLabelRequest(session_id=session, name="hot", anatomy=lung)).label_id
    mask = click(api, sessions, session, label, centre - SHIFT)
    assert mask.labels[0].anatomy == lung
    # Twice the weight is twice the SUV.
    assert mask.measures[0].maximum == pytest.approx(2 * 9.06, abs=0.1)

    def saved(name, kind):
        request = api.export.ExportRequest(session_id=session, format=kind, path=name, overwrite=True)
        export.Export(request)
        return root / name

    report = saved("report.dcm", api.export.EXPORT_FORMAT_DICOM_SR).read_bytes()
    assert b"weight 140 kg (set by hand)" in report and b"Lung" in report
    segment = pydicom.dcmread(root / "report.seg.dcm").SegmentSequence[0]
    assert segment.AnatomicRegionSequence[0].CodeValue == "39607008"
    assert "weight 140 kg" in segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    soft = hd.seg.segread(saved("soft.dcm", api.export.EXPORT_FORMAT_DICOM_SEG_FRACTIONAL))
    assert soft.SegmentationType == "FRACTIONAL" and soft.SegmentationFractionalType == "PROBABILITY"
    half = int((soft.pixel_array >= 128).sum())
    spacing = soft.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    voxel_ml = float(spacing.SpacingBetweenSlices) * np.prod([float(v) for v in spacing.PixelSpacing]) / 1000
    assert half * voxel_ml == pytest.approx(mask.measures[0].volume_ml, rel=0.25)
    sessions.AddLabel(api.labels.AddLabelRequest(session_id=session, name="second"))
    with pytest.raises(grpc.RpcError) as refused:
        saved("both.dcm", api.export.EXPORT_FORMAT_DICOM_SEG_FRACTIONAL)
    assert refused.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)


def test_the_command_line_takes_registrations_and_probabilities(root, study, tmp_path):
    import SimpleITK as sitk

    slices, centre, *_ = study
    place = ",".join(f"{v:g}" for v in centre)
    common = ["segment", root / "study" / "ct", "--engine", "iso-contour", "--click", place, "--samples", "0"]
    said = run(*common, "--with", root / "study" / "pet", "-o", tmp_path / "no.nii.gz", code=64)
    assert "another frame of reference" in said and "--registration" in said
    run(*common, "--with", root / "study" / "pet", "--registration", root / "reg.dcm", "-o", tmp_path / "reg.nii.gz")
    run(*common, "--with", root / "study", "--any-frame", "-o", tmp_path / "any.nii.gz")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(root / "study" / "ct")))
    rng = np.random.default_rng(4)
    soft = rng.random(sitk.GetArrayFromImage(image).shape).astype(np.float32)
    map_ = sitk.GetImageFromArray(soft)
    map_.CopyInformation(image)
    sitk.WriteImage(map_, str(tmp_path / "soft.nrrd"))
    common = ["export", root / "study" / "ct", "--format", "fractional", "--mask"]
    run(*common, tmp_path / "soft.nrrd", "-o", tmp_path / "s.dcm")
    seg = hd.seg.segread(tmp_path / "s.dcm")
    pixels = seg.get_pixels_by_source_instance([s.SOPInstanceUID for s in slices])
    assert np.abs(pixels[..., 0] - soft).max() <= 0.5 / 255 + 1e-6
    sitk.WriteImage(map_ * 300, str(tmp_path / "wrong.nrrd"))
    said = run(*common, tmp_path / "wrong.nrrd", "-o", tmp_path / "w.dcm", code=1)
    assert "between 0 and 1" in said


def test_limits_of_decoding_are_options(root, study, tmp_path):
    image = root / "study" / "ct"
    said = run("info", image, "--max-volume-mib", "1", code=0)
    assert "CT" in said
    big = np.zeros((20, 256, 256), np.int16)
    write_series(tmp_path / "big", big, np.eye(4))
    assert "limit of 1 MiB" in run("info", tmp_path / "big", "--max-volume-mib", "1", code=1)
    assert "256" in run("info", image, "--decode-memory-mib", "1", code=64)
