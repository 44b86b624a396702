"""How long a DICOM series takes to become a volume: ours, in its child process, and pydicom with NumPy, in one run.

    make build && cargo build --release -p isochrone-intake --example inspect && .venv/bin/python python/bench/dicom.py
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "testdata"))
from dicom_series import write_series  # noqa: E402

RELEASE = ROOT / "target/release"
REPEATS = 5


def by_pydicom(folder):
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda ds: ds.ImagePositionPatient[2])
    return np.stack(
        [ds.pixel_array.astype(np.float32) * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in slices]
    )


def ours(folder, *arguments):
    done = subprocess.run([RELEASE / "examples/inspect", folder, *arguments], capture_output=True, check=True)
    return json.loads(done.stdout)["milliseconds"]


def series(folder):
    """134 CT slices of 512² from a real CT, and 267 PET slices of 128² with a slope each."""
    import SimpleITK as sitk

    affine = np.diag([0.8, 0.8, 3, 1.0])
    ct = sitk.GetArrayFromImage(sitk.ReadImage(str(ROOT / "build/lesions/lung2_image.nrrd")))
    ct = np.concatenate([ct, ct, ct])[:134]
    write_series(folder / "ct", ct, affine, intercept=-1024)
    pet = np.random.default_rng(1).gamma(1, 900, (267, 128, 128)).clip(0, 32767).astype(np.int16)
    for n, ds in enumerate(write_series(folder / "pet", pet, affine, "PT")):
        ds.RescaleSlope = f"{0.5 + n / 100:.4f}"
        ds.save_as(folder / "pet" / f"{ds.SOPInstanceUID[-12:]}.dcm", enforce_file_format=True)
    return [("134 CT slices of 512²", folder / "ct"), ("267 PET slices of 128²", folder / "pet")]


def measure(names):
    print(f"{'series':<24} {'pydicom':>9} {'isolated':>9} {'in process':>11}   (ms, least of {REPEATS})")
    for name, folder in names:
        least = {"pydicom": np.inf, "isolated": np.inf, "in process": np.inf}
        for _ in range(REPEATS):
            started = time.perf_counter()
            by_pydicom(folder)
            least["pydicom"] = min(least["pydicom"], 1e3 * (time.perf_counter() - started))
            least["isolated"] = min(least["isolated"], ours(folder, "--isolated", RELEASE / "isochrone"))
            least["in process"] = min(least["in process"], ours(folder))
        p, i, d = least.values()
        print(f"{name:<24} {p:>9.0f} {i:>9.0f} {d:>11.0f}   {p / i:.1f} times as fast, isolation included", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        # Prepared beforehand: folders to measure.
        measure([(Path(f).name, Path(f)) for f in sys.argv[1:]])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            measure(series(Path(temporary)))
