"""Can a small head tell which first spacing's answer to a click is the best one?

``python -m isochrone_training.quality_head --data DIR --bundle B --out STATES`` answers first clicks on the training
targets from every first spacing, stores measures of each answer with its true Dice (a file a target, kept when it is
there already), fits heads patient by patient and prints what choosing by them gives, beside rules without weights.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from .data import read_cases
from .evaluate import LEAST_ML, Bundle
from .kernels import dice, set_threads, simulated_click
from .reader import box_of
from .recipe import read_recipe
from .second_look import FAILED, LookingTwice, interval
from .states import turned

POOLED = ("f1", "f2", "f3")
SCALARS = ("volume", "share", "faces", "certain", "entropy", "spacing", "steady", "alike", "least alike", "most alike")
READERS = ("centre", "edt")


@dataclass
class Looked(LookingTwice):
    """A session that keeps what the bundle made of each region, and of its last answer what counts."""

    bundle: Bundle | None = None
    kept: np.ndarray | None = None
    passed: list = field(default_factory=list)  # (region, probability, features)
    unless_steady: float = -1.0  # one look

    def _run(self, centre, spacing, at):
        probability, part = super()._run(centre, spacing, at)
        self.passed.append((self.region, probability, self.bundle.features))
        return probability, part

    def _merge(self, probability: np.ndarray) -> None:
        self.kept = probability
        super()._merge(probability)


def mean_in(features: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mean of features ``[c, n, n, n]`` under a weight ``[side]*3``, which is brought to their size."""
    n = features.shape[-1]
    k = weight.shape[0] // n
    small = weight.reshape(n, k, n, k, n, k).mean((1, 3, 5))
    return (features * small).sum((1, 2, 3)) / max(1e-3, float(small.sum()))


def measures(session: Looked) -> np.ndarray:
    """What tells how good a session's last answer is: scalars without the agreements, then pooled features."""
    kept, region = session.kept, session.region
    probability, features = next((p, f) for r, p, f in session.passed if r is region)
    part = kept >= 0.5
    low, high = box_of(part) if part.any() else (np.zeros(3), np.zeros(3))
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    unsure = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    voxel = float(np.prod(session.spacing_mm) ** (1 / 3))
    scalars = [
        np.log1p(part.sum() * np.prod(region.spacing_mm)), (high - low + 1).max() / region.side,
        (low == 0).sum() + (high == region.side - 1).sum(), probability[part].mean() if part.any() else 0.0,
        unsure.sum() / max(1, part.sum()), np.log(region.spacing_mm[0] / voxel), session.steady,
    ]
    weights = part.astype(np.float32), (4 * p * (1 - p)).astype(np.float32), np.ones(part.shape, np.float32)
    pooled = [mean_in(features[f][0], w) for f in POOLED for w in weights]
    return np.concatenate([scalars, *pooled]).astype(np.float32)


def looks(bundle: Bundle, case, truth: np.ndarray, at, rule: dict) -> tuple[np.ndarray, np.ndarray]:
    """Measures ``[spacings, n]`` and true Dice ``[spacings]`` of one first click's answers."""
    rows, masks = [], []
    for mm, voxels in zip(rule["first_spacings_mm"], rule["first_spacings_voxels"]):
        own = rule | {"first_spacing_mm": mm, "first_spacing_voxels": voxels}
        session = Looked(case.images(bundle.channels), case.spacing_mm, bundle.probability, own, bundle=bundle)
        masks.append(session.click(at, True))
        rows.append(measures(session))
    alike = np.array([[float(dice(a, b)) for b in masks] for a in masks])
    others = alike[~np.eye(len(masks), dtype=bool)].reshape(len(masks), -1)
    agreement = np.stack([others.mean(1), others.min(1), others.max(1)], 1)
    told = len(SCALARS) - agreement.shape[1]
    rows = np.array(rows)
    true = np.array([float(dice(m, truth)) for m in masks])
    return np.concatenate([rows[:, :told], agreement, rows[:, told:]], 1), true


def store(args, use: str, bundle: Bundle, recipe: dict) -> None:
    """The answers to first clicks on the targets of one use; training volumes are turned at random."""
    rng = np.random.default_rng(args.seed)
    (args.out / use).mkdir(parents=True, exist_ok=True)
    for case in read_cases(args.data, use, recipe):
        case = turned(rng, case) if use == "train" else case
        targets = case.targets(LEAST_ML)
        for number in rng.permutation(len(targets))[: args.each]:
            name, truth = targets[number]
            path = args.out / use / f"{name.replace('/', '__')}.npz"
            if path.exists():
                continue
            clicks = [simulated_click(r, None, truth, case.spacing_mm, seed=int(rng.integers(2**31))) for r in READERS]
            found = [looks(bundle, case, truth, tuple(at), recipe["region"]) for at, _ in clicks]
            told = {"group": case.group, "patient": case.patient, "modality": case.modality}
            np.savez_compressed(path, x=[f[0] for f in found], dice=[f[1] for f in found], **told)


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measures ``[clicks, spacings, n]``, Dice ``[clicks, spacings]``, groups and patients ``[clicks]``."""
    parts = [np.load(f) for f in sorted(folder.glob("*.npz"))]
    repeated = [np.repeat([str(p[key]) for p in parts], [len(p["x"]) for p in parts]) for key in ("group", "patient")]
    return np.concatenate([p["x"] for p in parts]), np.concatenate([p["dice"] for p in parts]), *repeated


def fitted(x: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int = 0):
    """A small perceptron from measures to Dice, in which groups count equally; a function of measures."""
    torch.manual_seed(seed)
    mean, deviation = x.mean((0, 1)), x.std((0, 1)) + 1e-3
    _, number, counts = np.unique(groups, return_inverse=True, return_counts=True)
    weight = torch.from_numpy(1 / counts[number]).float()[:, None]

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((values - mean) / deviation).clip(-4, 4)).float()

    layers = torch.nn.Linear(x.shape[-1], 24), torch.nn.ReLU(), torch.nn.Dropout(0.4), torch.nn.Linear(24, 1)
    net, truth, given = torch.nn.Sequential(*layers), torch.from_numpy(y).float(), tensor(x)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.3)
    for _ in range(400):
        error = (net(given)[..., 0].sigmoid() - truth) ** 2
        optimiser.zero_grad()
        ((error * weight).sum() / (weight.sum() * y.shape[1])).backward()
        optimiser.step()
    net.eval()
    return lambda values: net(tensor(values))[..., 0].sigmoid().detach().numpy()


def folds(patients: np.ndarray, count: int = 6) -> np.ndarray:
    """Which fold each click belongs to: all of a patient to one."""
    names = np.random.default_rng(0).permutation(np.unique(patients))
    return np.array([int(np.flatnonzero(names == p)[0]) % count for p in patients])


def report(name: str, scores: np.ndarray, y: np.ndarray, patients: np.ndarray, today: int) -> str:
    """One line: Dice of what the scores choose, and its difference from today's spacing by patient."""
    got, before = y[np.arange(len(y)), scores.argmax(1)], y[:, today]
    by_patient: dict[str, list[float]] = {}
    for patient, difference in zip(patients, got - before):
        by_patient.setdefault(patient, []).append(float(difference))
    low, high = interval(by_patient)
    change = f"{before.mean():.3f} → {got.mean():.3f} ({low:+.3f} … {high:+.3f})"
    return f"| {name} | {change} | {y.max(1).mean():.3f} | {(before < FAILED).sum()} → {(got < FAILED).sum()} |"


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-3")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--out", type=Path, default=here / "cache" / "quality")
    parser.add_argument("--each", type=int, default=8, help="of one volume, at most so many targets")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    set_threads(args.threads)
    torch.set_num_threads(args.threads)
    bundle, recipe = Bundle(args.bundle, args.threads), read_recipe(args.recipe)
    recipe["network"]["image_channels"] = bundle.channels
    today = recipe["region"]["first_spacings_mm"].index(recipe["region"]["first_spacing_mm"])
    for use in ("train", "validate"):
        store(args, use, bundle, recipe)
    x, y, groups, patients = read(args.out / "train")
    kinds = {"scalars": slice(0, len(SCALARS)), "scalars and features": slice(None)}
    fold, judged = folds(patients), read(args.out / "validate")
    print("| choice | Dice@1, today → chosen (by patient) | best | first clicks < .3 |\n|---|---|---|---|")
    for name, kind in kinds.items():
        given, crossed = x[..., kind], np.zeros(y.shape)
        for k in np.unique(fold):
            apart = fold == k
            crossed[apart] = fitted(given[~apart], y[~apart], groups[~apart])(given[apart])
        print(report(f"head, {name}: training, crossed", crossed, y, patients, today))
        told = fitted(given, y, groups)(judged[0][..., kind])
        print(report(f"head, {name}: validation", told, judged[1], judged[3], today))
    for use, (values, truth, _, names) in (("training", (x, y, groups, patients)), ("validation", judged)):
        certain, faces, steady, alike = (values[..., SCALARS.index(s)] for s in ("certain", "faces", "steady", "alike"))
        rules = {"steadiest": steady, "most certain without faces": certain - faces, "most alike": alike}
        for rule, score in rules.items():
            print(report(f"{rule}: {use}", score, truth, names, today))


if __name__ == "__main__":
    main()
