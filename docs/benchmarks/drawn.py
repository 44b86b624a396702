"""Dice of one shape drawn round the lesion, on training cases, by `isochrone segment`: the table of docs/engines.md.

    python docs/benchmarks/drawn.py LABELLED [--engines graph-cut …]

Of the largest component of each case: a box in space and a rectangle on its widest slice, both half a voxel wider than
it is; lassos on that slice, 2 mm and 8 mm outside of its outline as seen from the middle.
"""

import argparse
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import SimpleITK as sitk

REPO = Path(__file__).parents[2]
CASES = (
    "sts_003_ct sts_003_mr_t1 sts_003_pet sts_012_ct sts_012_mr_t1 sts_018_ct sts_018_mr_t1 sts_018_pet sts_024_mr_t1 "
    "sts_024_pet nsclc_petct_000991_ct nsclc_petct_000991_pt"
).split()
ENGINES = ("graph-cut", "active-contour", "geodesic", "iso-contour")
SHAPES = ("box", "rectangle", "lasso + 2 mm", "lasso + 8 mm")
MODALITIES = {"ct": "CT", "t1": "MR", "pet": "PT", "pt": "PT"}


def text(point):
    return ",".join(f"{x:.3f}" for x in point)


def shapes(image):
    """Options of `isochrone segment` by shape, and the truth [k, j, i]."""
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(image > 0))
    truth = sitk.GetArrayFromImage(parts) == 1

    def place(kji):
        return np.array(image.TransformContinuousIndexToPhysicalPoint([float(x) for x in kji[::-1]]))

    voxels = np.argwhere(truth)
    low, high = voxels.min(0) - 0.5, voxels.max(0) + 0.5
    k = int(truth.sum((1, 2)).argmax())
    on_slice = np.argwhere(truth[k])
    u, v = np.array(image.GetDirection()).reshape(3, 3).T[:2]
    corners = [place([k, *on_slice.min(0) - 0.5]), place([k, *on_slice.max(0) + 0.5])]
    middle = place([k, *on_slice[((on_slice - on_slice.mean(0)) ** 2).sum(1).argmin()]])
    flat = np.array([place([k, *p]) for p in on_slice]) - middle
    x, y = flat @ u, flat @ v

    def lasso(margin):
        points = []
        for turn in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            cos, sin = np.cos(turn), np.sin(turn)
            ahead = (x * cos + y * sin)[np.abs(x * sin - y * cos) < 2]
            points.append(middle + (max([1.0, *ahead]) + margin) * (cos * u + sin * v))
        return ["--lasso", "; ".join(map(text, points))]

    rectangle = f"{text(corners[0])}; {text(corners[1])}; u={text(u)}; v={text(v)}"
    box = f"{text(place(low))}; {text(place(high))}; axes=grid"
    return dict(zip(SHAPES, (["--box", box], ["--box", rectangle], lasso(2.0), lasso(8.0)), strict=True)), truth


def dice(case, engine, option, truth):
    modality = MODALITIES[case.name.rsplit("_", 1)[1]]
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/mask.nii.gz"
        command = [str(REPO / "target/release/isochrone"), "segment", str(case / "image.nii.gz"), "--engine", engine]
        command += ["--modality", modality, "--samples", "0", "--out", out, *option]
        subprocess.run(command, cwd=REPO, check=True, capture_output=True)
        found = sitk.GetArrayFromImage(sitk.ReadImage(out)) > 0
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--engines", nargs="+", default=ENGINES)
    arguments = parser.parse_args()
    cases = {name: shapes(sitk.ReadImage(str(arguments.labelled / name / "mask.nii.gz"))) for name in CASES}
    print(f"| engine | {' | '.join(SHAPES)} |\n|---|{'---|' * len(SHAPES)}")
    with ThreadPoolExecutor(2) as pool:
        for engine in arguments.engines:
            cells = []
            for shape in SHAPES:
                jobs = [
                    pool.submit(dice, arguments.labelled / n, engine, options[shape], t)
                    for n, (options, t) in cases.items()
                ]
                found = dict(zip(cases, (job.result() for job in jobs), strict=True))
                of = {m: [] for m in MODALITIES.values()}
                for name, value in found.items():
                    of[MODALITIES[name.rsplit("_", 1)[1]]].append(value)
                cells.append(f"{np.mean([np.mean(d) for d in of.values()]):.3f}")
            print(f"| {engine} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
