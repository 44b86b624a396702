"""Figures of an exported bundle on held-back patients, with the server's region rules.

``python -m isochrone_training.evaluate --data DIR [--json FILE]`` plays the centre reader and prints Dice
after 1, 3, 5 and 10 clicks by modality. Uncertainty has a report of its own (``calibration.py``).
"""

import argparse
import json
import time
import tomllib
from pathlib import Path

import numpy as np

from .data import USES, Case, read_cases
from .export import FEATURES, PROMPTS, session
from .kernels import centre_click, dice
from .reader import Session
from .recipe import read_recipe
from .validate import batched

COUNTS = (1, 3, 5, 10)
LEAST_ML = 0.1  # smaller targets are not judged one by one


class Bundle:
    """The graphs in ONNX Runtime."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.description = tomllib.loads((folder / "bundle.toml").read_text())
        graphs = {g["role"]: g for g in self.description["graph"]}
        self.sessions = {role: session(folder / g["file"], threads) for role, g in graphs.items()}
        self.drops = {d["name"]: d["channels"] for d in graphs["decoder"]["inputs"]["dropout"]}
        self.channels = len(self.description["channel"])
        self.features: dict[str, np.ndarray] = {}
        self.ms: list[float] = []
        self.expected = 0.0

    def logits(self, role: str, masks: dict[str, np.ndarray]) -> np.ndarray:
        """Logits ``[T, d, h, w]`` of one graph on the features of the last pass."""
        names = [i.name for i in self.sessions[role].get_inputs()]
        outputs = [o.name for o in self.sessions[role].get_outputs() if o.name in ("logits", "quality")]
        found = self.sessions[role].run(outputs, {n: {**self.features, **masks}[n] for n in names})
        named = dict(zip(outputs, found))
        self.expected = float(named["quality"].max()) if "quality" in named else 0.0
        return named["logits"][:, 0]

    def probability(self, *arrays: np.ndarray) -> tuple[np.ndarray, float]:
        """One deterministic pass for images ``[C, …]`` and maps, of ``[side]*3``, and the Dice that it expects.

        Keeps the features for samples.
        """
        start = time.perf_counter()
        feed = dict(zip(PROMPTS, batched(arrays)))
        self.features = dict(zip(FEATURES, self.sessions["encoder"].run(None, feed)))
        ones = {n: np.ones((1, c), np.float32) for n, c in self.drops.items()}
        result = 1 / (1 + np.exp(-self.logits("decoder", ones)[0]))
        self.ms.append(1e3 * (time.perf_counter() - start))
        return result, self.expected

    def samples(self, count: int, seed: int, role: str = "sampler") -> np.ndarray:
        """Seeded samples' logits ``[T, d, h, w]`` of the last pass."""
        rng = np.random.default_rng(seed)
        keep = 1 - self.description["dropout"]["rate"]
        masks = {
            n: ((rng.random((count, c)) < keep) / keep).astype(np.float32) for n, c in self.drops.items()
        }
        return self.logits(role, masks)


def evaluate_target(bundle: Bundle, case: Case, name: str, truth: np.ndarray, region: dict, clicks: int) -> dict:
    """The centre reader on one target of a volume."""
    play = Session(case.images(bundle.channels), case.spacing_mm, bundle.probability, region)
    scores, seconds = [], []
    for _ in range(clicks):
        found = centre_click(play.mask, truth, case.spacing_mm)
        if found is not None:
            start = time.perf_counter()
            play.click(*found)
            seconds.append(time.perf_counter() - start)
        scores.append(float(dice(play.mask, truth)))
    better = [b > a for a, b in zip([0.0, *scores], scores)]
    return {
        "case": name, "modality": case.modality, "group": case.group, "dice": scores,
        "improving": float(np.mean(better)), "passes": play.passes / clicks,
        "click_ms": 1e3 * float(np.median(seconds)),
    }


def summary(rows: list[dict]) -> str:
    """The tables in Markdown."""
    counts = [n for n in COUNTS if n <= len(rows[0]["dice"])]
    head = " | ".join(f"Dice@{n}" for n in counts)
    lines = [f"| modality | cases | {head} | clicks that improve |", "|---" * (len(counts) + 3) + "|"]
    groups = sorted({r["modality"] for r in rows}) + ["all"]
    for group in groups:
        part = [r for r in rows if group in (r["modality"], "all")]
        means = [np.mean([r["dice"][n - 1] for r in part]) for n in counts]
        improving = np.mean([r["improving"] for r in part])
        lines.append(f"| {group} | {len(part)} | " + " | ".join(f"{m:.3f}" for m in means) + f" | {improving:.0%} |")
    lines += ["", f"| case | {head} |", "|---" * (len(counts) + 1) + "|"]
    for r in rows:
        lines.append(f"| {r['case']} | " + " | ".join(f"{r['dice'][n - 1]:.3f}" for n in counts) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-4")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--json", type=Path, help="also write all figures here")
    parser.add_argument("--modality", help="only these cases: CT, MR or PT")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--use", choices=USES, default="validate", help="which side of the split")
    parser.add_argument("--first-spacing-mm", type=float, help="instead of the recipe's")
    parser.add_argument("--clicks", type=int, default=max(COUNTS))
    args = parser.parse_args()
    bundle = Bundle(args.bundle, args.threads)
    recipe = read_recipe(args.recipe)
    region = recipe["region"]
    region["first_spacing_mm"] = args.first_spacing_mm or region["first_spacing_mm"]
    recipe["network"]["image_channels"] = bundle.channels
    rows = []
    for case in (c for c in read_cases(args.data, args.use, recipe) if args.modality in (None, c.modality)):
        for name, truth in case.targets(LEAST_ML):
            rows.append(evaluate_target(bundle, case, name, truth, region, args.clicks))
            last = rows[-1]
            print(f"{name:28s} " + " ".join(f"{d:.2f}" for d in last["dice"])
                  + f"  {last['passes']:.1f} passes and {last['click_ms']:.0f} ms a click", flush=True)
    print(summary(rows))
    print(f"\nnetwork: {np.median(bundle.ms):.0f} ms a pass")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
