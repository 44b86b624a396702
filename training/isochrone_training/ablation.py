"""Which guidance serves best: the same short training once for each encoding.

``python -m isochrone_training.ablation --data DIR --steps 1500 --seeds 1 --json FILE``

Every arm begins from the same random weights and sees the same samples. It is judged on held-back patients, in regions
of 1.5 times the lesion's extent, by the centre reader: Dice in the region after 1, 3, 5 and 10 clicks.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from .data import read_cases
from .kernels import centre_click, dice, set_threads
from .reader import box_of
from .recipe import read_recipe
from .region import Region, guidance, normalise
from .samples import Sampler
from .train import Trainer
from .validate import torch_network
from .volumes import read_volumes, stored_files

COUNTS = (1, 3, 5, 10)
ARMS = {
    "Gaussian": {"kind": "gaussian", "sigma_voxels": 2.0},
    "disk": {"kind": "disk", "radius_voxels": 3.0},
    "Euclidean": {"kind": "euclidean", "cutoff_mm": 30.0},
    "geodesic": {"kind": "geodesic", "lambda": 0.9, "cutoff_mm": 5.0},
    "exponential geodesic": {"kind": "exponential-geodesic", "lambda": 0.9, "tau_mm": 0.7},
    "previous mask only": {"kind": "none"},
}


class Source:
    """Samples one after the other, in this process."""

    def __init__(self, sampler: Sampler, count: int) -> None:
        self.sampler, self.count = sampler, count

    def next(self) -> list:
        """The next batch."""
        return [self.sampler.sample() for _ in range(self.count)]


def train(recipe: dict, cache: Path, steps: int, out: Path):
    """One arm's network after ``steps`` steps from random weights."""
    trainer = Trainer(recipe, out, steps)
    sampler = Sampler(read_volumes(cache / "volumes"), stored_files(cache), recipe, [recipe["seed"], 7])
    source = Source(sampler, recipe["optimiser"]["batch"])
    for _ in range(steps):
        trainer.update(trainer.batch(source))
    return trainer.averaged()


def judge(net, recipe: dict, data: Path) -> dict[str, list[float]]:
    """Dice after 1, 2, … clicks in each held-back case's region."""
    result, side, run = {}, recipe["sampling"]["side_voxels"], torch_network(net)
    channels = net.image_channels
    for case in read_cases(data, "validate", recipe):
        _, target = max(case.targets(), key=lambda x: x[1].sum())
        low, high = box_of(target)
        spacing = recipe["region"]["context"] * float(((high - low + 1) * case.spacing_mm).max()) / side
        middle = tuple(float(v) for v in (low + high) / 2)
        cube = Region(middle, (spacing,) * 3, side, case.image.shape, case.spacing_mm)
        inside, clip = cube.inside_volume(), recipe["region"]["percentiles"]
        images = np.stack([normalise(cube.cut(v, 0.0), inside, clip) for v in case.images(channels)])
        truth = cube.cut(target, 0.0) > 0.5
        mask, clicks, scores = np.zeros_like(truth), [], []
        for _ in range(max(COUNTS)):
            found = centre_click(mask, truth, (1.0,) * 3)
            if found is not None:
                clicks.append(found)
                maps = [guidance(images[0], clicks, sign, recipe["guidance"], spacing) for sign in (True, False)]
                mask = run(images, mask.astype(np.float32), *maps)[0] > 0.5
            scores.append(float(dice(mask, truth)))
        result[case.name] = scores
    return result


def main() -> None:
    """Command line; arms that the file holds already are kept."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--side", type=int, default=48)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--cache", type=Path, default=here / "cache", help="what volumes, structures, synth wrote")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--json", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    set_threads(1)
    rows = json.loads(args.json.read_text()) if args.json.exists() else []
    for seed in args.seeds:
        for arm in args.arms:
            if any((r["arm"], r["seed"]) == (arm, seed) for r in rows):
                continue
            recipe = read_recipe(args.recipe)
            recipe["seed"], recipe["guidance"] = seed, ARMS[arm]
            recipe["region"]["encoding"] = ARMS[arm]
            recipe["sampling"] |= {"side_voxels": args.side, "pool": 8}
            recipe["optimiser"] |= {"warm_up_steps": 50, "average": 0.98}
            net = train(recipe, args.cache, args.steps, Path("/nowhere"))
            scores = judge(net, recipe, args.data)
            rows.append({"arm": arm, "seed": seed, "steps": args.steps, "dice": scores})
            args.json.write_text(json.dumps(rows))
            means = np.mean(list(scores.values()), 0)
            print(f"{arm:22s} seed {seed}  " + "  ".join(f"@{n} {means[n - 1]:.3f}" for n in COUNTS), flush=True)


if __name__ == "__main__":
    main()
