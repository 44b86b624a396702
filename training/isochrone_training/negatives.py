"""Volumes without a lesion, or with a known one: what the network must leave alone when nobody has clicked.

``python -m isochrone_training.negatives --data DIR --isochrone ../target/release/isochrone --out cache/negatives``
writes ``<name>.npz`` with ``image`` float16 and ``mask`` uint8 ``[k, j, i]``, ``spacing`` (mm) and ``modality``:

- each DICOM series of ``DIR/dicom`` (``<series>/dicom``) whose ``meta.json`` tells of a mask, read by Isochrone,
  PET in SUV. A lesion's mask beside it (``mask.nii.gz``) says what is one; organs are none. A series without a mask may
  hold lesions that nobody has outlined, and is left out;
- the MNI152 head of the package ``nilearn``, and the head of Debian's ``mricron-data``, where they are installed.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import nibabel
import numpy as np

from .data import begun, finished

MRICRON = Path("/usr/share/mricron/templates")


def save(out: Path, name: str, modality: str, image, mask=None) -> None:
    """One volume, whole or not at all; ``image`` and ``mask`` are nibabel's; values beyond float16's are scaled."""
    values = np.asarray(image.dataobj, np.float32).T
    values = np.nan_to_num(values) * min(1.0, 6e4 / max(float(np.abs(values).max()), 1e-6))
    labels = np.zeros(values.shape, np.uint8) if mask is None else (np.asarray(mask.dataobj).T > 0).astype(np.uint8)
    spacing = tuple(float(s) for s in image.header.get_zooms()[2::-1])
    part = out / f"{name}.part.npz"
    np.savez_compressed(part, image=values.astype(np.float16), mask=labels, spacing=spacing, modality=modality)
    part.rename(out / f"{name}.npz")
    size = " × ".join(map(str, values.shape))
    print(f"{name}: {modality}, {size} voxels, {int(labels.sum())} of a lesion", flush=True)


def series(folder: Path, binary: Path, out: Path) -> None:
    """A DICOM series, unless it may hold lesions that nobody has outlined."""
    meta = json.loads((folder / "meta.json").read_text())
    if not meta.get("mask"):
        print(f"{folder.name}: left out, what is a lesion in it is not told")
        return
    with tempfile.TemporaryDirectory() as temporary:
        volume = Path(temporary) / "volume.nii.gz"
        suv = ["--suv"] if meta["modality"] == "PT" else []
        subprocess.run([binary, "import", folder / "dicom", "-o", volume, *suv], check=True, stdout=subprocess.DEVNULL)
        lesion = nibabel.load(folder / "mask.nii.gz") if "organ" not in meta["mask"] else None
        image = nibabel.load(volume)
        same = lesion is None or (lesion.shape == image.shape and np.allclose(lesion.affine, image.affine, atol=0.01))
        if not same:
            from nibabel.processing import resample_from_to

            lesion = resample_from_to(lesion, image, order=0)
        save(out, folder.name, meta["modality"], image, lesion)


def heads(out: Path) -> None:
    """Healthy heads of other people's packages."""
    try:
        from nilearn.datasets import load_mni152_template

        save(out, "mni152", "MR", load_mni152_template(resolution=1))
    except ImportError:
        print("mni152: left out, nilearn is not installed")
    path = MRICRON / "ch2.nii.gz"
    if path.exists():
        save(out, "ch2", "MR", nibabel.load(path))
    else:
        print("ch2: left out, mricron-data is not installed")


def main() -> None:
    """Command line; what a whole run on the same data has written is kept."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds dicom/")
    parser.add_argument("--isochrone", type=Path, default=here.parent / "target" / "release" / "isochrone")
    parser.add_argument("--out", type=Path, default=here / "cache" / "negatives")
    args = parser.parse_args()
    if not begun(args.out, args.data):
        return
    for folder in sorted(args.data.glob("dicom/*/")):
        series(folder, args.isochrone, args.out)
    heads(args.out)
    finished(args.out, args.data)


if __name__ == "__main__":
    main()
