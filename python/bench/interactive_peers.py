"""Replays the clicks of an evaluation through other people's methods, and scores them alike.

``python python/bench/interactive_peers.py --cases DIR --clicks OUT/clicks.csv [--out DIR]``

- scikit-image's random walker,
- the grow-cut of 3D Slicer's "Grow from seeds" (PyPI ``itk-growcut``, installed here if it is missing).

Both get what they like best: an isotropic grid of 3 mm, cropped 40 mm round the lesion (which they could not know), a
ball of 6 mm as the seed of every click, and the crop's border as background. Dice is taken on the image's own grid.
"""

import argparse
import csv
import importlib.metadata
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from skimage.segmentation import random_walker

SPACING_MM = 3.0
MARGIN_MM = 40.0
SEED_MM = 6.0
COUNTS = (1, 3, 5, 10)
FOREGROUND, BACKGROUND = 1, 2


def files(root: Path, case: str) -> tuple[Path, Path]:
    """Image (the first channel) and mask of a case, in the layouts that ``isochrone evaluate`` knows."""
    candidates = [
        (root / case / "image.nii.gz", root / case / "mask.nii.gz"),
        (root / case / "image_0000.nii.gz", root / case / "mask.nii.gz"),
        (root / f"{case}_image.nrrd", root / f"{case}_label.nrrd"),
        (root / "imagesTr" / f"{case}_0000.nii.gz", root / "labelsTr" / f"{case}.nii.gz"),
        (root / "imagesTr" / f"{case}.nii.gz", root / "labelsTr" / f"{case}.nii.gz"),
    ]
    return next(pair for pair in candidates if pair[0].is_file() and pair[1].is_file())


class Crop:
    """A case on its working grid."""

    def __init__(self, root: Path, case: str) -> None:
        image, mask = files(root, case)
        self.image = sitk.ReadImage(str(image), sitk.sitkFloat32)
        self.truth = sitk.ReadImage(str(mask)) != 0
        self.truth.CopyInformation(self.image)
        at = np.argwhere(sitk.GetArrayViewFromImage(self.truth))[:, ::-1]
        spacing = np.array(self.image.GetSpacing())
        low, high = at.min(0) - MARGIN_MM / spacing, at.max(0) + MARGIN_MM / spacing
        low, high = np.maximum(low, -0.5), np.minimum(high, np.array(self.image.GetSize()) - 0.5)
        size = np.maximum(np.ceil((high - low) * spacing / SPACING_MM), 3).astype(int)
        origin = self.image.TransformContinuousIndexToPhysicalPoint(low.tolist())
        self.grid = sitk.Image(size.tolist(), sitk.sitkUInt8)
        self.grid.SetOrigin(origin)
        self.grid.SetSpacing([SPACING_MM] * 3)
        self.grid.SetDirection(self.image.GetDirection())
        # A volume coarser than the grid is interpolated, a finer one smoothed first.
        sigma = [max(0.0, SPACING_MM / s / 2.0 - 0.5) * s for s in spacing]
        smooth = self.image
        for axis, value in enumerate(sigma):
            if value > 0:
                smooth = sitk.RecursiveGaussian(smooth, value, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, axis)
        values = sitk.GetArrayFromImage(sitk.Resample(smooth, self.grid, sitk.Transform(), sitk.sitkLinear, 0.0))
        low, high = np.percentile(values, [0.5, 99.5])
        self.values = ((np.clip(values, low, high) - low) / max(high - low, 1e-6)).astype(np.float32)
        self.places = np.stack(np.meshgrid(*[np.arange(n) for n in self.values.shape], indexing="ij"), -1) * SPACING_MM

    def seeds(self, clicks: list[tuple[tuple[int, int, int], bool]]) -> np.ndarray:
        """A ball a click, the newest on top; the border of the crop is background."""
        seeds = np.zeros(self.values.shape, np.uint8)
        for axis in range(3):
            for end in (0, -1):
                seeds[tuple(end if n == axis else slice(None) for n in range(3))] = BACKGROUND
        for voxel, positive in clicks:
            point = self.image.TransformIndexToPhysicalPoint(voxel)
            at = np.array(self.grid.TransformPhysicalPointToContinuousIndex(point))[::-1] * SPACING_MM
            ball = ((self.places - at) ** 2).sum(-1) <= SEED_MM**2
            seeds[ball] = FOREGROUND if positive else BACKGROUND
        return seeds

    def dice(self, probability: np.ndarray) -> float:
        """Dice of a map on the working grid, on the image's own."""
        carrier = sitk.GetImageFromArray(probability.astype(np.float32))
        carrier.CopyInformation(self.grid)
        own = sitk.Resample(carrier, self.image, sitk.Transform(), sitk.sitkLinear, 0.0)
        mask, truth = sitk.GetArrayViewFromImage(own) >= 0.5, sitk.GetArrayViewFromImage(self.truth) > 0
        return 2.0 * (mask & truth).sum() / (mask.sum() + truth.sum())


def walk(values: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Probability of foreground by scikit-image's random walker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return random_walker(values, seeds.astype(np.int32), beta=130, mode="cg_j", return_full_prob=True)[0]


def grow(values: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Foreground by Slicer's grow-cut."""
    import itk

    image = itk.image_from_array(np.ascontiguousarray(values * 1000.0).astype(np.int16))
    labels = itk.image_from_array(np.ascontiguousarray(seeds))
    grown = itk.array_from_image(itk.fast_grow_cut(image, seed_image=labels))
    return (grown == FOREGROUND).astype(np.float32)


METHODS = {"random-walker": walk, "grow-cut": grow}


def replay(root: Path, rows: list[dict]) -> list[dict]:
    """What every method makes of a case's clicks, one row a click and method."""
    crop, clicks, out = Crop(root, rows[0]["case"]), [], []
    for row in rows:
        clicks.append((tuple(int(row[a]) for a in "ijk"), row["polarity"] == "+"))
        seeds = crop.seeds(clicks)
        for name, method in METHODS.items():
            begun = time.perf_counter()
            # A click that was taken back by a later one may leave nothing to grow from.
            probability = method(crop.values, seeds) if (seeds == FOREGROUND).any() else np.zeros_like(crop.values)
            ms = 1000.0 * (time.perf_counter() - begun)
            out.append({
                "case": row["case"], "modality": row["modality"], "click": int(row["click"]), "engine": name,
                "dice": round(crop.dice(probability), 5), "mask_ms": round(ms, 1),
            })
    return out


def table(rows: list[dict]) -> str:
    """Mean Dice by method and modality; a case whose reader stopped early keeps its last value."""
    series = defaultdict(dict)
    for row in rows:
        series[row["engine"], row["modality"], row["case"]][int(row["click"])] = float(row["dice"])
    groups = defaultdict(list)
    for (engine, modality, _), by_click in series.items():
        for group in (modality, "all"):
            groups[engine, group].append(by_click)
    lines = [f"{'engine':<16}{'modality':<10}{'cases':>6}" + "".join(f"{f'Dice@{n}':>9}" for n in COUNTS)]
    for (engine, group), cases in sorted(groups.items()):
        means = [np.mean([case[max(c for c in case if c <= n)] for case in cases]) for n in COUNTS]
        lines.append(f"{engine:<16}{group:<10}{len(cases):>6}" + "".join(f"{m:>9.3f}" for m in means))
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="the folder that was evaluated")
    parser.add_argument("--clicks", type=Path, required=True, help="clicks.csv of that evaluation")
    parser.add_argument("--out", type=Path, help="where peers.csv goes")
    args = parser.parse_args()
    if "itk-growcut" not in {d.name for d in importlib.metadata.distributions()}:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "itk-growcut==1.0.1"], check=True)
    cases = defaultdict(list)
    ours = []
    with args.clicks.open() as file:
        for row in csv.DictReader(file):
            cases[row["case"]].append(row)
            ours.append({**row, "engine": "(the clicks' own)"})
    rows = []
    for n, of_case in enumerate(cases.values(), 1):
        rows += replay(args.cases, of_case)
        print(f"\r{n} of {len(cases)} cases", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        with (args.out / "peers.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    print(table(ours + rows))


if __name__ == "__main__":
    main()
