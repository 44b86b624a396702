"""Every volume that training sees, once on disk and mapped into memory by every process.

``python -m isochrone_training.volumes --data DIR --out cache/volumes`` writes for each volume ``<name>.image.npy``
(float16, ``[channel, k, j, i]``), ``<name>.targets.npy`` (uint16, one plane a level of grouping, where it has a
mask) and one ``index.json``. Sources: the labelled cases that the split gives to training, ``unlabelled/``, the
DICOM series of ``dicom/`` whose patient the split does not hold back, and healthy heads of installed packages.

Levels of grouping: ``parts`` numbers each connected part of each label; ``whole`` each connected part of all labels
together, where that is more than one label. Targets are numbered from 1 in each plane.
"""

import argparse
import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from .data import NEIGHBOURS, Case, meta, read_case, read_split
from .layouts import code, find_cases
from .recipe import read_recipe

LEAST_VOXELS = 8
LEAST_SHARE = 0.02  # of its label: smaller parts of an organ are crumbs; groups of many lesions are the recipe's
LARGEST = 6e4  # of float16


@dataclass
class Target:
    """One thing to click on: its plane, its number there, its box, its size and what it is called."""

    plane: int
    number: int
    box: tuple[slice, slice, slice]
    ml: float
    name: str


@dataclass
class Volume:
    """A mapped volume. ``fully_annotated``: what is not in the mask is none of its kind."""

    name: str
    modalities: list[str]
    group: str
    spacing_mm: tuple[float, float, float]
    fully_annotated: bool
    image: np.ndarray
    planes: np.ndarray | None = None
    targets: list[Target] = field(default_factory=list)
    range: tuple[float, float] = (0.0, 1.0)  # percentiles 0.5 and 99.5


def parts(labels: np.ndarray, spacing_mm, names: dict[str, str], many: bool) -> tuple[np.ndarray, list[Target]]:
    """The planes of a mask and their targets; ``many``: small parts are lesions of their own."""
    voxel_ml, planes, targets = float(np.prod(spacing_mm)) / 1000, [], []
    values = [int(v) for v in np.unique(labels) if v > 0]
    levels = [[(labels == v, names.get(str(v), "")) for v in values]]
    if len(values) > 1:
        levels.append([(labels > 0, "")])
    for level, masks in enumerate(levels):
        plane, count = np.zeros(labels.shape, np.uint16), 0
        for mask, name in masks:
            found, _ = ndimage.label(mask, NEIGHBOURS)
            sizes = np.bincount(found.ravel())
            least = LEAST_VOXELS if many else max(LEAST_VOXELS, LEAST_SHARE * mask.sum())
            for number, box in enumerate(ndimage.find_objects(found), 1):
                if sizes[number] >= least:
                    count += 1
                    plane[box][found[box] == number] = count
                    targets.append(Target(level, count, box, float(sizes[number] * voxel_ml), name))
        planes.append(plane)
    return np.stack(planes), targets


def write(out: Path, name: str, case: Case, fully_annotated: bool, names: dict[str, str], many: bool) -> dict:
    """One volume's files; its entry of the index."""
    images = []
    for image in [case.image, *case.companions]:
        values = np.nan_to_num(image)
        images.append((values * min(1.0, LARGEST / max(float(np.abs(values).max()), 1e-6))).astype(np.float16))
    np.save(out / f"{name}.image.npy", np.stack(images))
    few = images[0][:: max(1, len(images[0]) // 64)]
    entry = {
        "name": name, "modalities": [case.modality, *case.companion_modalities], "group": case.group,
        "spacing_mm": list(case.spacing_mm), "fully_annotated": fully_annotated, "targets": [],
        "range": np.percentile(few.astype(np.float32), (0.5, 99.5)).tolist(),
    }
    if case.labels.any():
        planes, targets = parts(case.labels, case.spacing_mm, names, many)
        np.save(out / f"{name}.targets.npy", planes)
        entry["targets"] = [
            [t.plane, t.number, [[s.start, s.stop] for s in t.box], t.ml, t.name] for t in targets
        ]
    return entry


def read_volumes(out: Path) -> list[Volume]:
    """All volumes of a folder, mapped."""
    volumes = []
    for e in json.loads((out / "index.json").read_text()):
        targets = [Target(p, n, tuple(slice(*s) for s in box), ml, name) for p, n, box, ml, name in e["targets"]]
        planes = np.load(out / f"{e['name']}.targets.npy", mmap_mode="r") if targets else None
        image = np.load(out / f"{e['name']}.image.npy", mmap_mode="r")
        volumes.append(Volume(
            e["name"], e["modalities"], e["group"], tuple(e["spacing_mm"]), e["fully_annotated"], image, planes,
            targets, tuple(e["range"]),
        ))
    return volumes


def stored(path: Path) -> Volume:
    """One file of :mod:`synth` or :mod:`structures`: an image, one target's mask, a spacing."""
    with np.load(path) as file:
        image, mask = file["image"].astype(np.float32), file["mask"].astype(np.uint16)
        spacing = tuple(float(s) for s in file["spacing"])
        modality = str(file["modality"]) if "modality" in file else "OT"
    mask[mask > 0] = 1
    ml = float(mask.sum() * np.prod(spacing)) / 1000
    targets = [Target(0, 1, ndimage.find_objects(mask)[0], ml, "")] if mask.any() else []
    return Volume(path.stem, [modality], "", spacing, True, image[None], mask[None], targets)


def stored_files(cache: Path) -> dict[str, list[Path]]:
    """What :mod:`synth` and :mod:`structures` have written under a folder."""
    kinds = ("synthetic", "structures")
    return {kind: sorted(p for p in (cache / kind).glob("*.npz") if ".part" not in p.name) for kind in kinds}


def image_alone(path: Path, name: str, modality: str, group: str) -> Case:
    """A volume without a mask."""
    import nibabel

    image = nibabel.load(path)
    values = np.ascontiguousarray(np.asarray(image.dataobj, np.float32).T)
    while values.ndim > 3:
        values = values[0]
    spacing = tuple(float(s) for s in image.header.get_zooms()[2::-1])
    return Case(name, modality, values, np.zeros(values.shape, np.uint8), spacing, group=group)


def series(folder: Path, binary: Path) -> Case:
    """A DICOM series read by Isochrone, PET in SUV."""
    description = json.loads((folder / "meta.json").read_text())
    with tempfile.TemporaryDirectory() as temporary:
        volume = Path(temporary) / "volume.nii.gz"
        suv = ["--suv"] if description["modality"] == "PT" else []
        subprocess.run([binary, "import", folder / "dicom", "-o", volume, *suv], check=True, stdout=subprocess.DEVNULL)
        return image_alone(volume, folder.name, description["modality"], "dicom")


def heads():
    """Healthy heads of other people's packages, where they are installed."""
    try:
        from nilearn.datasets import load_mni152_template

        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "mni152.nii.gz"
            load_mni152_template(resolution=1).to_filename(path)
            yield image_alone(path, "mni152", "MR", "heads")
    except ImportError:
        print("mni152: left out, nilearn is not installed")
    path = Path("/usr/share/mricron/templates/ch2.nii.gz")
    if path.exists():
        yield image_alone(path, "ch2", "MR", "heads")
    else:
        print("ch2: left out, mricron-data is not installed")


def main() -> None:
    """Command line; a folder that was finished for the same data and split is kept."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled cases, see layouts.py")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--isochrone", type=Path, default=here.parent / "target" / "release" / "isochrone")
    parser.add_argument("--out", type=Path, default=here / "cache" / "volumes")
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    split, rule = read_split(args.data, recipe), recipe["data"]
    made_of = json.dumps({"data": str(args.data.resolve()), "split": split, "rule": rule}, sort_keys=True)
    done = args.out / "made_of.json"
    if done.exists() and done.read_text() == made_of:
        return
    args.out.mkdir(parents=True, exist_ok=True)
    for left in [*args.out.glob("*.npy"), *args.out.glob("*.json")]:
        left.unlink()
    index = []

    def add(case: Case, fully_annotated: bool, names: dict[str, str], many: bool) -> None:
        index.append(write(args.out, case.name, case, fully_annotated, names, many))
        size = " × ".join(map(str, case.image.shape))
        print(f"{case.name}: {case.modality}, {size} voxels, {len(index[-1]['targets'])} targets", flush=True)

    by_share_alike = [f.name for f in find_cases(args.data) if "SA" in str(meta(f).get("licence", ""))]
    for files in find_cases(args.data):
        if files.name in split["train"] and files.name not in by_share_alike:
            description = meta(files)
            group = str(description.get("group", ""))
            names = {str(k): rule["names"].get(group, v) for k, v in description.get("labels", {}).items()}
            fully_annotated = group not in rule["partly_annotated"]
            case, many = read_case(files, recipe["network"]["image_channels"]), group in rule["many_lesions"]
            add(case, fully_annotated, names, many)
    for path in sorted(args.data.glob("unlabelled/*/image.nii.gz")):
        description = json.loads((path.parent / "meta.json").read_text())
        if "SA" not in str(description.get("licence", "")):
            modality = code(str(description.get("modality", "OT")))
            add(image_alone(path, path.parent.name, modality, "unlabelled"), False, {}, False)
    for folder in sorted(args.data.glob("dicom/*/")):
        if folder.name in rule["dicom"]:
            add(series(folder, args.isochrone), False, {}, False)
    for case in heads():
        add(case, False, {}, False)
    (args.out / "index.json").write_text(json.dumps(index))
    done.write_text(made_of)


if __name__ == "__main__":
    main()
