"""DICOM series against pydicom and SimpleITK: voxel for voxel, geometry to 1e-3 mm."""

import random
import shutil
import subprocess
import zipfile

import dicom_syntaxes as syntaxes
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from dicom_compare import affine, by_pydicom, read, same_place, volume
from dicom_series import write_series
from pydicom.fileset import FileSet


@pytest.mark.parametrize("name", ["crlm_1004_ct", "sts001_fdg_pet", "totalseg_ct20"])
def test_real_series(inspect, real_series, tmp_path, name):
    folder = real_series / name / "dicom"
    report, values, ours = read(inspect, folder, tmp_path)
    expected, theirs = by_pydicom(sorted(folder.iterdir()))
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    same_place(ours, theirs, values.shape)
    if name != "totalseg_ct20":  # its series UID is empty, which SimpleITK's finder does not take
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
        image = sitk.ReadImage(files)
        np.testing.assert_allclose(values, sitk.GetArrayFromImage(image), rtol=1e-6)
        direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        same_place(ours, np.c_[direction, image.GetOrigin()], values.shape)
    assert len(report["series"]["slices"]) == values.shape[0]


def test_suv_oracle(inspect, real_series):
    folder = real_series / "sts001_fdg_pet"
    report = inspect(folder / "dicom", "--dump", "/dev/null", "--suv", "required")
    assert report["quantity"] == "SuvBw"
    assert report["series"]["suv"]["scale"] > 0


def test_suv_values_of_the_oracle(inspect, real_series, tmp_path):
    folder = real_series / "sts001_fdg_pet"
    report = inspect(folder / "dicom", "--dump", tmp_path / "voxels.raw", "--suv", "required")
    i, j, k = report["size"]
    slope, intercept = report["rescale"]
    values = np.fromfile(tmp_path / "voxels.raw", report["scalar"]).reshape(k, j, i) * slope + intercept
    mask = sitk.ReadImage(str(folder / "mask.nii.gz"))
    inside = values[sitk.GetArrayFromImage(mask) > 0]
    assert round(float(inside.max()), 4) == 7.9107
    assert round(float(inside.mean()), 3) == 2.555


@pytest.mark.parametrize("kind", ["axial", "oblique", "sagittal", "coronal", "prone"])
def test_orientations(inspect, tmp_path, kind):
    array, place = volume(1), affine(kind)
    write_series(tmp_path / "in", array, place, intercept=-3, slope=2)
    _, values, ours = read(inspect, tmp_path / "in", tmp_path)
    np.testing.assert_array_equal(values, array * 2.0 - 3)
    same_place(ours, place[:3], array.shape)
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "in")))
    direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    same_place(ours, np.c_[direction, image.GetOrigin()], array.shape)


@pytest.mark.parametrize("syntax", syntaxes.UNCOMPRESSED + syntaxes.LOSSLESS)
@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint8"])
def test_lossless_syntaxes(inspect, tmp_path, syntax, dtype):
    array = volume(2, shape=(3, 40, 33))
    array = array if dtype == "int16" else (array - array.min()).astype(np.uint16)
    if dtype == "uint8":
        array = (array // 20).astype(np.uint8)
    if dtype == "int16" and syntax not in (*syntaxes.UNCOMPRESSED, syntaxes.RLE, syntaxes.J2K):
        pytest.skip("the coder of the test knows no signed pixels")
    slices = write_series(tmp_path / "plain", array, affine("oblique"))
    for ds, pixels in zip(slices, array, strict=True):
        if dtype == "uint8":
            ds.BitsAllocated = ds.BitsStored = 8
            ds.HighBit, ds.PixelData = 7, pixels.tobytes() + b"\0" * (pixels.size % 2)
            ds["PixelData"].VR = "OB"
    if syntax in syntaxes.UNCOMPRESSED and dtype == "uint8":
        pytest.skip("bytes have no order")
    syntaxes.rewrite(slices, tmp_path / "in", syntax)
    _, values, _ = read(inspect, tmp_path / "in", tmp_path)
    np.testing.assert_array_equal(values, array)


@pytest.mark.parametrize("syntax", syntaxes.LOSSY)
def test_lossy_syntaxes(inspect, tmp_path, syntax):
    array = ((volume(3, shape=(3, 40, 33)) + 1024) // 20).astype(np.uint8)
    slices = write_series(tmp_path / "plain", array.astype(np.uint16), affine("axial"))
    for ds, pixels in zip(slices, array, strict=True):
        ds.BitsAllocated = ds.BitsStored = 8
        ds.HighBit, ds.PixelData = 7, pixels.tobytes()
    expected = [syntaxes.DECODERS[syntax](syntaxes.ENCODERS[syntax](p)) for p in array]
    syntaxes.rewrite(slices, tmp_path / "in", syntax)
    _, values, _ = read(inspect, tmp_path / "in", tmp_path)
    # Decoders of lossy JPEG may round differently, by one.
    assert np.abs(values - np.stack(expected)).max() <= (0 if syntax == syntaxes.JPEG_LS_NEAR else 2)


@pytest.mark.parametrize("bits", [2, 7, 10, 12, 15])
def test_jpeg_ls_of_few_bits(inspect, tmp_path, bits):
    import imagecodecs

    rng = np.random.default_rng(bits)
    array = rng.integers(0, 1 << bits, (2, 33, 29)).astype(np.uint16)
    array[:, 5:20] = 1
    slices = write_series(tmp_path / "plain", array, affine("axial"))
    for ds in slices:
        ds.BitsStored, ds.HighBit = bits, bits - 1
    coded = imagecodecs.jpegls_encode(array[0])
    assert imagecodecs.jpegls_decode(coded).max() == array[0].max()
    syntaxes.rewrite(slices, tmp_path / "in", syntaxes.JPEG_LS)
    _, values, _ = read(inspect, tmp_path / "in", tmp_path)
    np.testing.assert_array_equal(values, array)


def test_bits_beyond_the_stored_ones_do_not_count(inspect, tmp_path):
    array = volume(4, shape=(3, 20, 22), low=-2000, high=2000)
    slices = write_series(tmp_path / "plain", array, affine("axial"))
    for ds, pixels in zip(slices, array, strict=True):
        ds.BitsStored, ds.HighBit = 12, 12
        overlay = ((pixels.astype(np.uint16) & 0xFFF) << 1) | 0xE001
        ds.PixelData = overlay.astype("<u2").tobytes()
        ds.save_as(tmp_path / "plain" / f"{ds.SOPInstanceUID[-12:]}.dcm")
    _, values, _ = read(inspect, tmp_path / "plain", tmp_path)
    np.testing.assert_array_equal(values, array)


@pytest.mark.parametrize("instances", [1, 3])
def test_enhanced_equals_classic(inspect, tmp_path, instances):
    array, place = volume(5), affine("oblique")
    slices = write_series(tmp_path / "classic", array, place, intercept=-1024)
    order = list(range(len(slices)))
    random.Random(3).shuffle(order)
    syntaxes.enhanced(slices, tmp_path / "enhanced", order, instances)
    _, classic, at = read(inspect, tmp_path / "classic", tmp_path)
    report, values, ours = read(inspect, tmp_path / "enhanced", tmp_path)
    np.testing.assert_array_equal(values, classic)
    same_place(ours, at, array.shape)
    frames = [s["frame"] for s in report["series"]["slices"]]
    if instances == 1:
        assert [order[f - 1] for f in frames] == list(range(len(slices)))


def test_enhanced_with_a_slope_for_each_frame(inspect, tmp_path):
    array = np.abs(volume(6))
    slices = write_series(tmp_path / "classic", array, affine("axial"))
    slopes = 1 + np.arange(len(slices)) / 7
    syntaxes.enhanced(slices, tmp_path / "enhanced", per_frame_rescale=[f"{s:.9f}" for s in slopes])
    _, values, _ = read(inspect, tmp_path / "enhanced", tmp_path)
    np.testing.assert_allclose(values, array * slopes[:, None, None], rtol=1e-6)


def test_archive_equals_folder(inspect, tmp_path):
    array = volume(7)
    write_series(tmp_path / "in", array, affine("coronal"))
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n, path in enumerate((tmp_path / "in").iterdir()):
            archive.write(path, f"../../{n}/{path.name}")
        archive.writestr("README.txt", "not an image")
    _, values, _ = read(inspect, tmp_path / "in.zip", tmp_path)
    np.testing.assert_array_equal(values, array)
    assert not list(tmp_path.parent.glob("0"))


def test_a_disc_is_read_and_its_index_not_followed(inspect, tmp_path):
    array = volume(7)
    write_series(tmp_path / "in", array, affine("axial"))
    disc = FileSet()
    for path in (tmp_path / "in").iterdir():
        disc.add(path)
    disc.write(tmp_path / "disc")
    index = pydicom.dcmread(tmp_path / "disc" / "DICOMDIR")
    for record in index.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = ["..", "..", "SECRET"]
    index.save_as(tmp_path / "disc" / "DICOMDIR")
    (tmp_path.parent / "SECRET").write_text("no image")
    _, values, _ = read(inspect, tmp_path / "disc", tmp_path)
    np.testing.assert_array_equal(values, array)


def tilted(folder, degrees=15.0):
    array = volume(8, shape=(12, 40, 40))
    place = affine("axial")
    place[:3, 2] = [0, 3 * np.tan(np.radians(degrees)), 3]
    write_series(folder, array, place, intercept=-1024, changes={"GantryDetectorTilt": str(degrees)})
    return array, place


def test_tilted_gantry_is_kept_with_a_warning(inspect, tmp_path):
    array, place = tilted(tmp_path / "in")
    report, values, ours = read(inspect, tmp_path / "in", tmp_path)
    np.testing.assert_array_equal(values, array - 1024)
    same_place(ours, place[:3], array.shape)
    assert any("tilted by 15.0°" in w for w in report["warnings"])


@pytest.mark.skipif(not shutil.which("dcm2niix"), reason="dcm2niix is not installed")
def test_tilt_against_dcm2niix(inspect, tmp_path):
    import nibabel

    array, _ = tilted(tmp_path / "in")
    _, _, ours = read(inspect, tmp_path / "in", tmp_path)
    (tmp_path / "out").mkdir()
    subprocess.run(["dcm2niix", "-o", tmp_path / "out", "-f", "tilt", tmp_path / "in"], check=True, capture_output=True)
    # Beside the resampled volume it writes the original slices, whose affine has no shear: the origin is the same.
    (plain,) = [p for p in (tmp_path / "out").glob("*.nii") if "Tilt" not in p.name]
    theirs = np.diag([-1.0, -1, 1, 1]) @ nibabel.load(plain).affine
    i, j, k = array.shape[::-1]
    # dcm2niix counts rows upwards.
    first = theirs @ [0, j - 1, 0, 1] if theirs[1, 1] < 0 else theirs @ [0, 0, 0, 1]
    assert np.abs(first[:3] - ours[:, 3]).max() < 0.01


def test_what_cannot_be_stacked_is_named(inspect, tmp_path):
    def refusal(folder, *arguments):
        done = subprocess.run([inspect.program, folder, *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0
        return done.stderr

    array = volume(9)
    slices = write_series(tmp_path / "gap", array, affine("axial"))
    (tmp_path / "gap" / f"{slices[4].SOPInstanceUID[-12:]}.dcm").unlink()
    assert "Slice 5 of 9 is missing" in refusal(tmp_path / "gap")
    report, values, _ = read(inspect, tmp_path / "gap", tmp_path, "--gaps", "blank")
    assert any("left blank" in w for w in report["warnings"]) and values.shape[0] == 9
    np.testing.assert_array_equal(np.delete(values, 4, 0), np.delete(array, 4, 0))
    assert (values[4] == -1000).all() and report["series"]["slices"][4]["sop_instance_uid"] == ""

    slices = write_series(tmp_path / "double", array, affine("axial"))
    slices[3].SOPInstanceUID += ".1"
    slices[3].save_as(tmp_path / "double" / "again.dcm")
    assert "lie where another one lies" in refusal(tmp_path / "double")

    slices = write_series(tmp_path / "copy", array, affine("axial"))
    slices[3].save_as(tmp_path / "copy" / "again.dcm")
    report, values, _ = read(inspect, tmp_path / "copy", tmp_path)
    np.testing.assert_array_equal(values, array)
    assert any("twice" in w for w in report["warnings"])

    write_series(tmp_path / "mixed", array, affine("axial"))
    write_series(tmp_path / "mixed", array, affine("coronal"))
    assert "2 series to choose from" in refusal(tmp_path / "mixed").replace("Choose", "2 series to choose from")
    _, values, _ = read(inspect, tmp_path / "mixed", tmp_path, "--series", "1")
    np.testing.assert_array_equal(values, array)

    slices = write_series(tmp_path / "scout", array, affine("axial"))
    scout = write_series(tmp_path / "scout", array[:1, :20], affine("sagittal"))
    scout[0].SeriesInstanceUID = slices[0].SeriesInstanceUID
    scout[0].save_as(tmp_path / "scout" / f"{scout[0].SOPInstanceUID[-12:]}.dcm")
    listed = inspect(tmp_path / "scout", "--series", "list")
    assert sorted(s["slices"] for s in listed) == [1, 9] and all("#" in s["choice"] for s in listed)

    slices = write_series(tmp_path / "uneven", array, affine("axial"))
    x, y, z = slices[-1].ImagePositionPatient
    slices[-1].ImagePositionPatient = [x, y, z + 1.3]
    slices[-1].save_as(tmp_path / "uneven" / f"{slices[-1].SOPInstanceUID[-12:]}.dcm")
    assert "distances vary from" in refusal(tmp_path / "uneven")

    slices = write_series(tmp_path / "echoes", array, affine("axial"), "MR", changes={"EchoNumbers": "1"})
    second = write_series(tmp_path / "echoes", array + 1, affine("axial"), "MR", changes={"EchoNumbers": "2"})
    for ds in second:
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID = slices[0].SeriesInstanceUID, slices[0].FrameOfReferenceUID
        ds.save_as(tmp_path / "echoes" / f"{ds.SOPInstanceUID[-12:]}.dcm")
    assert [s["slices"] for s in inspect(tmp_path / "echoes", "--series", "list")] == [9, 9]


def test_junk_in_a_decimal_string_is_refused(inspect, tmp_path):
    slices = write_series(tmp_path / "in", volume(10), affine("axial"))
    path = tmp_path / "in" / f"{slices[2].SOPInstanceUID[-12:]}.dcm"
    path.write_bytes(path.read_bytes().replace(b"\x28\x00\x53\x10DS\x04\x001.0 ", b"\x28\x00\x53\x10DS\x04\x00NA  "))
    done = subprocess.run([inspect.program, tmp_path / "in"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "RescaleSlope" in done.stderr


def test_a_thousand_shuffles(inspect, tmp_path):
    array = volume(11, shape=(12, 8, 8))
    slices = write_series(tmp_path / "in", array, affine("oblique"))
    files = sorted((tmp_path / "in").iterdir())
    bytes_of = [p.read_bytes() for p in files]
    first, _, _ = read(inspect, tmp_path / "in", tmp_path)
    expected = [s.SOPInstanceUID for s in slices]
    shuffled = random.Random(1)
    wrong = 0
    for _ in range(1000):
        shuffled.shuffle(bytes_of)
        for path, content in zip(files, bytes_of, strict=True):
            path.write_bytes(content)
        report = inspect(tmp_path / "in")
        wrong += [s["sop_instance_uid"] for s in report["series"]["slices"]] != expected
    assert wrong == 0
    assert [s["sop_instance_uid"] for s in first["series"]["slices"]] == expected
