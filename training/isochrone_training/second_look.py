"""A first click looked at from a second first spacing: of the two answers, the steadier one counts.

``python -m isochrone_training.second_look --data DIR --bundle ../models/lesion-3`` plays the centre reader with and
without it, on each target of one use, and prints both with the difference and its interval by patient.
"""

import argparse
import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .data import USES, read_cases
from .evaluate import LEAST_ML, Bundle
from .kernels import set_threads
from .reader import Session, play
from .recipe import read_recipe

CERTAIN = 0.2  # so far from the threshold of 0.5, a probability is called certain
COUNTS = (1, 3, 5)
FAILED = 0.3  # a first click below this Dice has failed


def steadiness(probability: np.ndarray) -> float:
    """The share of certain voxels among those that count or nearly do, 0 to 1.

    ``probability`` is 0 where it reaches the threshold in a part that does not count. Segment Anything's stability
    score, with voxels outside of the answer counted wherever they are.
    """
    return float((probability >= 0.5 + CERTAIN).sum() / max(1, (probability >= 0.5 - CERTAIN).sum()))


@dataclass
class LookingTwice(Session):
    """A session whose first click is answered from a second first spacing too."""

    second_mm: float = 5.0
    second_voxels: float = 2.5  # or so many of the volume's own voxels, if that is more
    unless_steady: float = 1.01  # no second look where the first answer is as steady as this
    steady: float = 0.0  # of the last answer

    def click(self, at, positive: bool) -> np.ndarray:
        """Adds a click at a voxel ``[k, j, i]``; returns the new mask."""
        is_first, other = not self.clicks, copy.copy(self)
        super().click(at, positive)
        if not is_first or self.steady >= self.unless_steady:
            return self.mask
        other.clicks, other.recipe = [], self.recipe | {
            "first_spacing_mm": self.second_mm, "first_spacing_voxels": self.second_voxels,
        }
        Session.click(other, at, positive)
        self.passes += other.passes
        if other.steady > self.steady:
            self.mask, self.active, self.region, self.inputs = other.mask, other.active, other.region, other.inputs
            self.steady, self.expected = other.steady, other.expected
        return self.mask

    def _merge(self, probability: np.ndarray) -> None:
        self.steady = steadiness(probability)
        super()._merge(probability)


def interval(differences: dict[str, list[float]], draws: int = 4000) -> tuple[float, float]:
    """Where 95 % of the means lie when patients are drawn anew; a list of differences each."""
    rng = np.random.default_rng(0)
    groups = list(differences.values())
    sums, sizes = np.array([sum(g) for g in groups]), np.array([len(g) for g in groups])
    drawn = rng.integers(len(groups), size=(draws, len(groups)))
    low, high = np.percentile(sums[drawn].sum(1) / sizes[drawn].sum(1), (2.5, 97.5))
    return float(low), float(high)


def row(name: str, rows: list[dict]) -> str:
    """One line of the table."""
    cells = []
    for count in COUNTS:
        once, twice = (np.array([r[kind][count - 1] for r in rows]) for kind in ("once", "twice"))
        by_patient: dict[str, list[float]] = {}
        for r, difference in zip(rows, twice - once):
            by_patient.setdefault(r["patient"], []).append(float(difference))
        low, high = interval(by_patient)
        cells.append(f"{once.mean():.3f} → {twice.mean():.3f} ({low:+.3f} … {high:+.3f})")
    failed = [sum(r[kind][0] < FAILED for r in rows) for kind in ("once", "twice")]
    change = [r["twice"][0] - r["once"][0] for r in rows]
    better, worse = sum(c > 0.02 for c in change), sum(c < -0.02 for c in change)
    return f"| {name} | {len(rows)} | " + " | ".join(cells) + f" | {failed[0]} → {failed[1]} | {better} / {worse} |"


def summary(rows: list[dict]) -> str:
    """The table in Markdown: all, each modality, each group."""
    head = " | ".join(f"Dice@{n} (difference by patient)" for n in COUNTS)
    lines = [f"| | targets | {head} | first clicks < {FAILED} | better / worse by .02 |", "|---" * 7 + "|"]
    lines.append(row("all", rows))
    for key in ("modality", "group"):
        lines += [row(name, [r for r in rows if r[key] == name]) for name in sorted({r[key] for r in rows})]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-3")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--json", type=Path, help="also write all figures here")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--use", choices=USES, default="validate", help="which side of the split")
    parser.add_argument("--unless-steady", type=float, default=1.01, help="no second look where the first is as steady")
    args = parser.parse_args()
    set_threads(args.threads)
    bundle, recipe = Bundle(args.bundle, args.threads), read_recipe(args.recipe)
    recipe["network"]["image_channels"] = bundle.channels
    rows = []
    for case in read_cases(args.data, args.use, recipe):
        told = {"modality": case.modality, "group": case.group, "patient": case.patient}
        for name, truth in case.targets(LEAST_ML):
            plain = case.images(bundle.channels), case.spacing_mm, bundle.probability, recipe["region"]
            once, twice = Session(*plain), LookingTwice(*plain, unless_steady=args.unless_steady)
            scores = {kind: play(s, truth, max(COUNTS)) for kind, s in (("once", once), ("twice", twice))}
            rows.append({"target": name, **told, **scores, "passes": [once.passes, twice.passes]})
            told_dice = (" ".join(f"{d:.2f}" for d in s) for s in scores.values())
            print(name, *told_dice, once.passes, twice.passes, flush=True)
            if args.json:
                args.json.write_text(json.dumps(rows, indent=1))
    print(summary(rows))


if __name__ == "__main__":
    main()
