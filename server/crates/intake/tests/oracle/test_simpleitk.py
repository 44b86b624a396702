"""Geometry and voxels of intake against SimpleITK and nibabel.

Runs the crate's `inspect` example on images made here: oblique, mirrored, anisotropic, both byte
orders, every scalar type, every container.
"""

import gzip
import itertools
import pathlib
import resource
import struct
import subprocess

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

ROOT = pathlib.Path(__file__).resolve().parents[5]
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
CONTAINERS = ["nii", "nii.gz", "nii big", "nii2", "nii2 big gz", "nrrd", "nrrd gzip", "nhdr", "nrrd ras big"]
CASES = list(itertools.islice(zip(itertools.cycle(DTYPES), itertools.cycle(CONTAINERS)), 90))
POINTS = 500
TOLERANCE_MM = 1e-3
RAS = np.diag([-1.0, -1.0, 1.0])


def random_image(rng, dtype):
    """A SimpleITK image with a random grid: turned, axes swapped and mirrored, anisotropic."""
    size = rng.integers(2, 24, 3)
    info = np.finfo(dtype) if np.dtype(dtype).kind == "f" else np.iinfo(dtype)
    low, high = (-1e4, 1e4) if np.dtype(dtype).kind == "f" else (info.min // 2, info.max // 2)
    array = rng.uniform(low, high, size[::-1]).astype(dtype)
    image = sitk.GetImageFromArray(array)
    direction = np.eye(3)[rng.permutation(3)] * rng.choice([-1.0, 1.0], 3)
    if rng.random() < 0.8:
        direction = Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix() @ direction
    image.SetDirection(direction.ravel().tolist())
    image.SetSpacing(rng.uniform(0.4, 6.0, 3).tolist())
    image.SetOrigin(rng.uniform(-400, 400, 3).tolist())
    return image, array


def affine_ras(image):
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = RAS @ direction @ np.diag(image.GetSpacing())
    affine[:3, 3] = RAS @ np.array(image.GetOrigin())
    return affine


def save_nibabel(path, kind, image, array, big):
    header = kind.header_class(endianness=">" if big else "<")
    header.set_data_dtype(array.dtype.newbyteorder(">" if big else "<"))
    affine = affine_ras(image)
    out = kind(array.transpose(2, 1, 0), affine, header)
    out.set_sform(affine, 1)
    out.set_qform(affine, 1)
    nib.save(out, path)


def save_nrrd_by_hand(path, image, array):
    """Big-endian, RAS, spellings that ITK does not write."""
    spelling = {
        "uint8": "uchar", "int8": "signed char", "uint16": "unsigned short int", "int16": "short",
        "uint32": "uint", "int32": "signed int", "uint64": "unsigned long long int", "int64": "longlong",
        "float32": "float", "float64": "double",
    }[array.dtype.name]
    affine = affine_ras(image)
    vectors = " ".join("({:.12g}, {:.12g}, {:.12g})".format(*affine[:3, n]) for n in range(3))
    origin = "({:.12g},{:.12g},{:.12g})".format(*affine[:3, 3])
    size = " ".join(str(n) for n in image.GetSize())
    header = (
        f"NRRD0005\n# a comment\nTYPE: {spelling}\ndimension: 3\nspace: RAS\nsizes: {size}\n"
        f"space directions: {vectors}\nencoding: raw\nendian: big\nspace origin: {origin}\nkey:=value: x\n\n"
    )
    path.write_bytes(header.encode() + array.astype(array.dtype.newbyteorder(">")).tobytes())


def save(folder, container, image, array):
    name, *options = container.split()
    path = folder / ("image." + {"nii2": "nii.gz" if "gz" in options else "nii"}.get(name, name))
    if "ras" in options:
        save_nrrd_by_hand(path, image, array)
    elif name == "nii2":
        save_nibabel(path, nib.Nifti2Image, image, array, "big" in options)
    elif "big" in options:
        save_nibabel(path, nib.Nifti1Image, image, array, True)
    else:
        sitk.WriteImage(image, str(path), name == "nii.gz" or "gzip" in options)
    return path


def random_points(rng, image):
    """Points in and around the image, none so near a voxel's border that rounding decides."""
    size = np.array(image.GetSize())
    kept = []
    while len(kept) < POINTS:
        index = rng.uniform(-1.5, size + 0.5)
        if np.abs(index % 1.0 - 0.5).min() > 2e-3:
            kept.append(image.TransformContinuousIndexToPhysicalPoint(index.tolist()))
    return kept


def expected_voxel(image, point):
    index = image.TransformPhysicalPointToIndex(point)
    return list(index) if all(0 <= i < n for i, n in zip(index, image.GetSize())) else None


def check_points(inspect, path, image, array, folder, rng, slope=1.0, inter=0.0):
    points = random_points(rng, image)
    listing = folder / "points.txt"
    listing.write_text("\n".join(" ".join(repr(float(c)) for c in p) for p in points))
    report = inspect(path, "--points", listing, "--dump", folder / "voxels.raw")
    assert report["size"] == list(image.GetSize())
    columns = np.array(report["world_from_voxel"]).reshape(4, 3)
    corners = np.array(list(itertools.product(*[(0, n - 1) for n in image.GetSize()])))
    for corner in corners:
        ours = corner @ columns[:3] + columns[3]
        theirs = image.TransformContinuousIndexToPhysicalPoint(corner.astype(float).tolist())
        assert np.abs(ours - theirs).max() < TOLERANCE_MM
    inside = 0
    for point, hit in zip(points, report["points"], strict=True):
        voxel = expected_voxel(image, point)
        assert (hit and hit["voxel"]) == voxel
        if voxel:
            inside += 1
            value = np.float32(float(array[tuple(voxel[::-1])]) * slope + inter)
            assert np.float32(hit["value"]) == value
    assert inside > 50
    dumped = np.fromfile(folder / "voxels.raw", array.dtype.newbyteorder("<")).reshape(array.shape)
    assert report["scalar"] == array.dtype.name
    assert np.array_equal(dumped, array)
    return report


@pytest.mark.parametrize("number,dtype,container", [(n, *case) for n, case in enumerate(CASES)])
def test_grid_points_and_voxels(inspect, tmp_path, number, dtype, container):
    rng = np.random.default_rng(number)
    image, array = random_image(rng, dtype)
    path = save(tmp_path, container, image, array)
    report = check_points(inspect, path, image, array, tmp_path, rng)
    assert report["warnings"] == []
    if not container.startswith("nii2"):
        theirs = sitk.ReadImage(str(path))
        check_points(inspect, path, theirs, sitk.GetArrayFromImage(theirs), tmp_path, rng)


@pytest.mark.parametrize("codes", [(0, 1), (1, 0), (2, 4)])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_either_form_alone(inspect, tmp_path, codes, kind):
    rng = np.random.default_rng(sum(codes))
    for _ in range(5):
        image, array = random_image(rng, "int16")
        affine = affine_ras(image)
        out = kind(array.transpose(2, 1, 0), affine)
        out.set_qform(affine, codes[0])
        out.set_sform(affine, codes[1])
        nib.save(out, tmp_path / "image.nii")
        report = check_points(inspect, tmp_path / "image.nii", image, array, tmp_path, rng)
        assert report["warnings"] == []


def test_without_codes_the_standard_and_a_warning(inspect, tmp_path):
    """SimpleITK takes LPS, nibabel centres and mirrors: nobody agrees, so the standard's method 1."""
    array = np.arange(210, dtype=np.int16).reshape(7, 6, 5)
    out = nib.Nifti1Image(array.transpose(2, 1, 0), None)
    out.header.set_zooms((1.5, 2.5, 3.5))
    nib.save(out, tmp_path / "image.nii")
    report = inspect(tmp_path / "image.nii", "--at", "-1.6,-2.4,3.4")
    assert report["points"] == [{"voxel": [1, 1, 1], "value": 36.0}]
    assert any("no orientation" in w for w in report["warnings"])
    assert sitk.ReadImage(str(tmp_path / "image.nii")).GetSpacing() == (1.5, 2.5, 3.5)


def test_slope_and_intercept_as_nibabel(inspect, tmp_path):
    rng = np.random.default_rng(3)
    image, array = random_image(rng, "int16")
    out = nib.Nifti1Image(array.transpose(2, 1, 0), affine_ras(image))
    out.header.set_slope_inter(0.5, -1024.0)
    nib.save(out, tmp_path / "image.nii")
    raw = bytearray((tmp_path / "image.nii").read_bytes())
    # nibabel rescales what it stores: put the stored voxels and the scaling back.
    raw[112:120] = struct.pack("<ff", 0.5, -1024.0)
    raw[352:] = array.astype("<i2").tobytes()
    (tmp_path / "image.nii").write_bytes(raw)
    check_points(inspect, tmp_path / "image.nii", image, array, tmp_path, rng, 0.5, -1024.0)
    values = nib.load(tmp_path / "image.nii").get_fdata().transpose(2, 1, 0)
    assert np.array_equal(values, array * 0.5 - 1024.0)


def test_left_anterior_superior_space(inspect, tmp_path):
    text = (
        "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-anterior-superior\nsizes: 5 6 7\n"
        "space directions: (1,0,0) (0,2,0) (0,0,3)\nencoding: raw\nspace origin: (11,22,33)\n\n"
    )
    array = np.arange(210, dtype=np.uint8).reshape(7, 6, 5)
    path = tmp_path / "image.nrrd"
    path.write_bytes(text.encode() + array.tobytes())
    check_points(inspect, path, sitk.ReadImage(str(path)), array, tmp_path, np.random.default_rng(1))


def hostile(folder):
    """Small files that ask for much: name, bytes."""
    sane = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4))
    nib.save(sane, folder / "sane.nii")
    raw = bytearray((folder / "sane.nii").read_bytes())

    def claiming(edge):
        raw[42:48] = struct.pack("<hhh", edge, edge, edge)
        return bytes(raw)

    yield "claims.nii", claiming(32767)
    yield "claims.nii.gz", gzip.compress(claiming(32767))
    # Honest about 1000 MiB, 1000:1.
    header = claiming(1016)[:352]
    packed = gzip.compress(b"\0" * (1 << 24), 6)
    yield "bomb.nii.gz", gzip.compress(header) + packed * 63
    yield "lies.nii.gz", gzip.compress(claiming(790)[:352] + b"\0" * (1 << 20)) + b"\0" * 600_000
    yield "header.nrrd", b"NRRD0004\n" + b"a: b\n" * 400_000


def test_hostile_files_under_a_memory_limit(inspect, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))

    for name, content in hostile(tmp_path):
        (tmp_path / name).write_bytes(content)
        done = subprocess.run(
            [inspect.program, tmp_path / name], preexec_fn=limit, capture_output=True, text=True, timeout=2
        )
        assert done.returncode == 1, (name, done.returncode, done.stdout)
        assert "Error" in done.stderr and str(tmp_path) not in done.stderr, (name, done.stderr)


LABELLED = ROOT.parent / "shared/data/labelled"


@pytest.mark.skipif(not LABELLED.is_dir(), reason="the labelled cases are not on this machine")
def test_real_images(inspect, tmp_path):
    rng = np.random.default_rng(11)
    for case in sorted(LABELLED.iterdir())[::6]:
        image = sitk.ReadImage(str(case / "image.nii.gz"))
        array = np.asanyarray(nib.load(case / "image.nii.gz").dataobj.get_unscaled()).transpose(2, 1, 0)
        points = random_points(rng, image)
        (tmp_path / "points.txt").write_text("\n".join(" ".join(repr(float(c)) for c in p) for p in points))
        report = inspect(case / "image.nii.gz", "--points", tmp_path / "points.txt", "--dump", tmp_path / "raw")
        assert [hit and hit["voxel"] for hit in report["points"]] == [expected_voxel(image, p) for p in points]
        stored = np.fromfile(tmp_path / "raw", array.dtype.newbyteorder("<")).reshape(array.shape)
        assert np.array_equal(stored, array, equal_nan=array.dtype.kind == "f")
