"""Masks that others wrote, read by us: highdicom's SEG, shuffled and fractional ones, structure sets."""

import copy

import dicom_syntaxes as syntaxes
import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.sr.codedict import codes


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.fixture
def read(made, example, tmp_path):
    """Reads a data set or a file of masks onto the image's grid."""

    def run(object_, image="image.nrrd", frame=None):
        path = tmp_path / "object.dcm"
        object_.save_as(path)
        frame = frame or made.slices[0].FrameOfReferenceUID
        said = example("masks", made.folder / image, path, frame, tmp_path / "out.nrrd")
        if "error" in said:
            return said, None
        return said, sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out.nrrd")))

    return run


def description(n):
    return hd.seg.SegmentDescription(
        segment_number=n,
        segment_label=f"theirs {n}",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def theirs(made, kind, omit_empty_frames=True):
    stacked = np.stack([made.labels == n for n in (1, 2)], axis=-1)
    pixels = {"BINARY": stacked.astype(np.uint8), "FRACTIONAL": np.where(stacked, 0.8, 0.3), "LABELMAP": made.labels}
    return hd.seg.Segmentation(
        source_images=made.slices,
        pixel_array=pixels[kind],
        segmentation_type=kind,
        segment_descriptions=[description(1), description(2)],
        series_instance_uid=hd.UID(),
        series_number=9,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=omit_empty_frames,
        **({"fractional_type": "PROBABILITY"} if kind == "FRACTIONAL" else {}),
    )


@pytest.mark.parametrize("kind", ["BINARY", "BINARY with empty frames", "FRACTIONAL", "LABELMAP"])
def test_highdicom_segmentations(made, read, kind):
    try:
        seg = theirs(made, kind.split()[0], omit_empty_frames="empty" not in kind)
    except ValueError as e:
        if kind != "LABELMAP":
            raise
        pytest.skip(f"this highdicom writes no label maps: {e}")
    said, found = read(seg)
    assert said["names"] == ["theirs 1", "theirs 2"]
    assert np.array_equal(found, made.labels)


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize("syntax", [syntaxes.RLE, syntaxes.JPEG_LS, syntaxes.J2K, syntaxes.HTJ2K])
def test_compressed_segmentations(made, read, kind, syntax):
    seg = theirs(made, kind)
    frames = [np.ascontiguousarray(frame) for frame in np.atleast_3d(seg.pixel_array)]
    seg.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    seg.PixelData = encapsulate([syntaxes.ENCODERS[syntax](frame) for frame in frames])
    seg["PixelData"].VR, seg["PixelData"].is_undefined_length = "OB", True
    _, found = read(seg)
    assert np.array_equal(found, made.labels)


def test_frames_in_any_order(made, read):
    """Other vendors count frames otherwise: from the feet, or segments mixed."""
    seg = pydicom.dcmread(made.folder / "seg.dcm")
    pixels = seg.pixel_array
    order = np.random.default_rng(3).permutation(len(pixels))
    seg.PerFrameFunctionalGroupsSequence = [seg.PerFrameFunctionalGroupsSequence[n] for n in order]
    bits = np.packbits(pixels[order].ravel(), bitorder="little").tobytes()
    seg.PixelData = bits + b"\0" * (len(bits) % 2)
    said, found = read(seg)
    assert np.array_equal(found, made.labels)
    assert said["names"] == ["lesion 1", "lesion 2"]


def test_geometry_may_stand_with_the_frames(made, read):
    seg = pydicom.dcmread(made.folder / "seg.dcm")
    shared = seg.SharedFunctionalGroupsSequence[0]
    for frame in seg.PerFrameFunctionalGroupsSequence:
        frame.PixelMeasuresSequence = copy.deepcopy(shared.PixelMeasuresSequence)
        frame.PlaneOrientationSequence = copy.deepcopy(shared.PlaneOrientationSequence)
    del shared.PixelMeasuresSequence, shared.PlaneOrientationSequence
    assert np.array_equal(read(seg)[1], made.labels)


def test_our_structure_set_comes_back(made, read):
    said, found = read(pydicom.dcmread(made.folder / "rtstruct.dcm"))
    for n in (1, 2):
        assert dice(found == n, made.labels == n) == 1.0
    assert said["names"] == ["lesion 1", "lesion 2"] and not said["warnings"]


def test_nested_contours_are_holes(made, read):
    """The other habit: outline and hole as two contours. And slices between contours are filled."""
    ds = pydicom.dcmread(made.folder / "rtstruct.dcm")
    contours = []
    square = np.array([[10, 10], [30, 10], [30, 30], [10, 30]]) + 0.5
    for k in (4, 6, 8):
        for ring in (square, (square - 20.5) / 2 + 20.5):
            points = np.c_[ring, np.full(4, k), np.ones(4)] @ made.affine.T
            contour = pydicom.Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
            contour.ContourData = [f"{v:.6f}" for v in points[:, :3].ravel()]
            contours.append(contour)
    open_line = copy.deepcopy(contours[0])
    open_line.ContourGeometricType = "OPEN_PLANAR"
    ds.ROIContourSequence[0].ContourSequence = [*contours, open_line]
    said, found = read(ds)
    expected = np.zeros_like(made.labels, bool)
    expected[3:10, 11:31, 11:31] = True
    expected[3:10, 16:26, 16:26] = False
    got = found == 1
    assert np.array_equal(got[4:9], expected[4:9])
    # Half a gap beyond the last contour, no more.
    assert not got[:3].any() and not got[10:].any()
    assert "1 contours" in said["warnings"][0]


@pytest.mark.parametrize("name", ["seg", "rtstruct"])
def test_another_frame_of_reference_is_refused(made, read, name):
    said, found = read(pydicom.dcmread(made.folder / f"{name}.dcm"), frame="1.2.3")
    assert found is None and "another frame of reference" in said["error"]


def test_what_cannot_be_is_refused(made, read):
    seg = pydicom.dcmread(made.folder / "seg.dcm")

    def spoiled(change):
        ds = copy.deepcopy(seg)
        change(ds)
        said, found = read(ds)
        assert found is None, change
        return said["error"]

    assert "fewer pixels" in spoiled(lambda ds: setattr(ds, "PixelData", ds.PixelData[:100]))
    assert "no pixels" in spoiled(lambda ds: setattr(ds, "Rows", 0))
    assert "64 bits" in spoiled(lambda ds: setattr(ds, "BitsAllocated", 64))
    assert "no frame" in spoiled(lambda ds: setattr(ds, "PerFrameFunctionalGroupsSequence", []))

    def uneven(ds):
        ds.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence[0].ImagePositionPatient[2] += 0.4

    assert "evenly spaced" in spoiled(uneven)
    assert "kind of DICOM object" in spoiled(lambda ds: setattr(ds, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"))
