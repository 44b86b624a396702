"""Fits the bundle's temperature: how sure the answer may say it is.

``python -m isochrone_training.calibration --data DIR --bundle B --out DIR`` plays the centre reader on held-back
patients and looks at voxels within 10 mm either side of the predicted boundary, on the working grid, after clicks 1,
3 and 5. The temperature of least cross-entropy is fitted on every other patient and its expected calibration error
(ECE) reported on the rest, and the other way round; the one for the bundle is fitted on all.
What samples, augmentation and the error head are worth is measured by the server:
``isochrone evaluate --uncertainty``.
"""

import argparse
import json
import multiprocessing
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from .data import read_cases
from .evaluate import LEAST_ML, Bundle
from .kernels import calibration_error, centre_click, set_threads
from .reader import Session
from .recipe import read_recipe
from .uncertainty import boundary_band

CLICKS = (1, 3, 5)
BAND_MM = 10.0
# (patient, click, logits of the band's voxels, whether they are lesion)
Look = tuple[str, int, np.ndarray, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logits to probabilities."""
    return 1 / (1 + np.exp(-x))


def look(name: str, play: Session, truth: np.ndarray) -> Look | None:
    """The band's voxels after a session's newest click."""
    probability, _ = play.network(*play.inputs)
    found = probability > 0.5
    if not found.any():
        return None
    band = boundary_band(found, play.region.spacing_mm[0], BAND_MM) & play.region.inside_volume()
    p = np.clip(probability[band], 1e-7, 1 - 1e-7)
    return name, len(play.clicks), np.log(p / (1 - p)), play.region.cut(truth, 0.0)[band] > 0.5


def play_case(job: tuple) -> list[Look]:
    """The looks at one target. Its job is (bundle's folder, case, the target's mask, region)."""
    folder, case, truth, region = job
    set_threads(1)
    bundle = Bundle(folder, 1)
    play, found = Session(case.images(bundle.channels), case.spacing_mm, bundle.probability, region), []
    for n in range(1, max(CLICKS) + 1):
        at = centre_click(play.mask, truth, case.spacing_mm)
        if at is not None:
            play.click(*at)
        if n in CLICKS and (seen := look(case.patient, play, truth)) is not None:
            found.append(seen)
    return found


def fit(looks: list[Look]) -> float:
    """The temperature of least cross-entropy, each look counting the same."""
    def loss(log_t: float) -> float:
        total = 0.0
        for _, _, logit, true in looks:
            p = np.clip(sigmoid(logit / np.exp(log_t)), 1e-6, 1 - 1e-6)
            total -= np.where(true, np.log(p), np.log(1 - p)).mean()
        return total

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 2.5), method="bounded", options={"xatol": 0.02}).x))


def errors(looks: list[Look], temperatures: list[float]) -> tuple[float, float]:
    """ECE at each look's temperature: the looks' mean, and over the voxels of all looks together."""
    p = [sigmoid(x[2] / t).astype(np.float32) for x, t in zip(looks, temperatures)]
    each = [calibration_error(q, x[3]) for q, x in zip(p, looks)]
    return float(np.mean(each)), calibration_error(np.concatenate(p), np.concatenate([x[3] for x in looks]))


def figures(looks: list[Look]) -> dict:
    """Temperatures of either half of the patients and of all, and what they do to the ECE."""
    patients = sorted({x[0] for x in looks})
    half = [patients.index(x[0]) % 2 for x in looks]
    fitted = [fit([x for x, h in zip(looks, half) if h == which]) for which in (0, 1)]
    kinds = {"as trained": [1.0] * len(looks), "other patients' temperature": [fitted[1 - h] for h in half]}
    ece = {kind: dict(zip(("look by look", "all voxels"), errors(looks, t))) for kind, t in kinds.items()}
    return {"halves": fitted, "temperature": fit(looks), "ece": ece}


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled cases, see layouts.py")
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-4")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--out", type=Path, required=True, help="folder for calibration.json")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    recipe["network"]["image_channels"] = Bundle(args.bundle, 1).channels
    cases, region = read_cases(args.data, "validate", recipe), recipe["region"]
    looks: list[Look] = []
    with multiprocessing.get_context("fork").Pool(args.processes) as pool:
        jobs = [(args.bundle, c, truth, region) for c in sorted(cases, key=lambda c: -c.image.size)
                for _, truth in c.targets(LEAST_ML)]
        for found in pool.imap_unordered(play_case, jobs):
            looks += found
            print(f"{found[0][0] if found else 'a case without a mask'}: {len(looks)} looks", flush=True)
    text = json.dumps(figures(sorted(looks, key=lambda x: x[:2])), indent=1)
    print(text)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "calibration.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
