"""The states in which the sampler and the error head are trained: the server's own, played once and stored.

``python -m isochrone_training.states --data DIR --bundle ../models/lesion-4 --out cache/states --count 2400``

The encoder and the decoder are finished, so that a state is stored as what these two make of it: features, logit, and
what is wrong with the answer. Most are of whole sessions on training patients (turned volumes, readers of several
habits, the server's regions, five clicks); the others are the main training's regions at the server's size, degraded,
synthetic and without clicks. A file holds one state in half precision, 1.5 MB.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from .data import Case, read_cases
from .evaluate import Bundle
from .kernels import set_threads, simulated_click
from .reader import Session
from .recipe import read_recipe
from .samples import Sampler
from .train import tensors
from .uncertainty import boundary_band
from .volumes import read_volumes, stored_files

BAND_MM = 10.0
FEATURES = ("f0", "f1", "f2", "f3")


def halved(x: np.ndarray) -> np.ndarray:
    """Means over blocks of 2³ voxels, float16."""
    n = x.shape[0] // 2
    return x.astype(np.float32).reshape(n, 2, n, 2, n, 2).mean((1, 3, 5)).astype(np.float16)


def stored(bundle: Bundle, probability: np.ndarray, truth: np.ndarray, inside: np.ndarray, spacing_mm: float) -> dict:
    """What is kept of the bundle's last pass."""
    found = probability > 0.5
    band = boundary_band(found, spacing_mm, BAND_MM) & inside if found.any() else inside
    p = np.clip(probability, 1e-7, 1 - 1e-7)
    features = {name: bundle.features[name][0].astype(np.float16) for name in FEATURES}
    return features | {
        "logit": halved(np.log(p / (1 - p))),
        "truth": halved(truth), "wrong": halved(found != truth), "band": halved(band),
    }


def turned(rng, case: Case) -> Case:
    """The volume with its axes permuted and mirrored at random."""
    order, flips = rng.permutation(3), [a for a in range(3) if rng.random() < 0.5]
    image, labels, *others = (
        np.ascontiguousarray(np.flip(x.transpose(order), flips)) for x in (case.image, case.labels, *case.companions)
    )
    spacing = tuple(case.spacing_mm[o] for o in order)
    return replace(case, image=image, labels=labels, spacing_mm=spacing, companions=others)


def played(rng, bundle: Bundle, case: Case, region: dict, clicks: int = 5):
    """The states of one session on one target."""
    case = turned(rng, case)
    targets = case.targets()
    _, truth = targets[rng.integers(len(targets))]
    session = Session(case.images(bundle.channels), case.spacing_mm, bundle.probability, region)
    for _ in range(clicks):
        reader = str(rng.choice(["centre", "edt", "perturbed"], p=[0.65, 0.25, 0.1]))
        found = simulated_click(reader, session.mask, truth, case.spacing_mm, seed=int(rng.integers(2**31)))
        if found is None:
            return
        session.click(*found)
        probability, _ = session.network(*session.inputs)
        seen = session.region.cut(truth, 0.0) > 0.5
        yield stored(bundle, probability, seen, session.region.inside_volume(), session.region.spacing_mm[0])


def cut(bundle: Bundle, sampler: Sampler) -> dict:
    """A state as the main training sees it: after one prompt, or none."""
    sample = sampler.sample()
    inputs = tensors([sample], sampler.recipe["region"]["encoding"])[:4]
    probability, _ = bundle.probability(*(x[0].numpy() for x in inputs))
    return stored(bundle, probability, sample.truth, sample.inside, sample.spacing_mm)


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled cases, see layouts.py")
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-4")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--cache", type=Path, default=here / "cache", help="what volumes, structures, synth wrote")
    parser.add_argument("--out", type=Path, default=here / "cache" / "states")
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop earlier, after so long")
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    set_threads(1)
    recipe = read_recipe(args.recipe)
    recipe["sampling"]["side_voxels"] = recipe["region"]["side_voxels"]
    volumes, files = read_volumes(args.cache / "volumes"), stored_files(args.cache)
    sampler = Sampler(volumes, files, recipe, [recipe["seed"], args.seed])
    cases = read_cases(args.data, "train", recipe)
    bundle, rng, number = Bundle(args.bundle, 1), sampler.rng, 0
    args.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * args.minutes
    while number < args.count and time.monotonic() < end:
        if rng.random() < 0.55:
            case = cases[rng.integers(len(cases))]
            found, name = played(rng, bundle, case, recipe["region"]), case.patient
        else:
            found, name = [cut(bundle, sampler)], "any"
        for state in found:
            part = args.out / f"{args.seed}.part"
            with part.open("wb") as file:
                np.savez(file, **state)
            part.rename(args.out / f"{args.seed}-{number:05d}-{name}.npz")
            number += 1
            if number % 100 == 0:
                print(f"{number} of {args.count} states", flush=True)


if __name__ == "__main__":
    main()
