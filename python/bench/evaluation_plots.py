"""Pictures of an evaluation: ``python python/bench/evaluation_plots.py OUT [OTHER=OUT2 …]``.

Reads what ``isochrone evaluate --out OUT`` wrote and draws, into OUT:
- ``dice.png``: mean Dice per click and modality with a 95 % bootstrap band over cases, and clicks to Dice 0.80, 0.85, 0.90;
- ``uncertainty.png``: AUROC by estimator, if it was measured;
- ``slices.png``: Dice gained by proposed, random and the worst slices, if they were compared.

Further evaluations (``geodesic=OUT2``) are drawn as dashed lines beside it.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

RESAMPLES = 2000
TARGETS = (0.80, 0.85, 0.90)
COLOURS = {"proposed": "#1b6ca8", "random": "#8a8a8a", "oracle": "#c26a1a"}


def rows(path: Path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


def dice_by_case(folder: Path) -> dict[str, np.ndarray]:
    """Modality to ``[case, click]``; a reader who stopped early keeps the last value."""
    cases = defaultdict(list)
    for row in rows(folder / "clicks.csv"):
        cases[row["modality"], row["case"]].append(float(row["dice"]))
    longest = max(map(len, cases.values()))
    out = defaultdict(list)
    for (modality, _), dice in cases.items():
        out[modality].append(dice + [dice[-1]] * (longest - len(dice)))
    return {modality: np.array(dice) for modality, dice in sorted(out.items())}


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over the first axis with a 95 % bootstrap band."""
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(values), (RESAMPLES, len(values)))
    means = values[drawn].mean(1)
    return values.mean(0), np.quantile(means, 0.025, axis=0), np.quantile(means, 0.975, axis=0)


def draw_dice(folder: Path, others: dict[str, Path]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), gridspec_kw={"width_ratios": [3, 2]})
    by_modality = dice_by_case(folder)
    width = 0.8 / len(by_modality)
    for n, (modality, dice) in enumerate(by_modality.items()):
        clicks = np.arange(1, dice.shape[1] + 1)
        mean, low, high = band(dice)
        (line,) = left.plot(clicks, mean, marker="o", ms=3, label=f"{modality} ({len(dice)})")
        left.fill_between(clicks, low, high, color=line.get_color(), alpha=0.15, lw=0)
        for name, path in others.items():
            other = dice_by_case(path).get(modality)
            if other is not None:
                left.plot(np.arange(1, other.shape[1] + 1), other.mean(0), "--", lw=1, color=line.get_color(), alpha=0.7)
                left.annotate(name, (other.shape[1], other.mean(0)[-1]), fontsize=7, color=line.get_color())
        reached = [np.where((dice >= t).any(1), (dice >= t).argmax(1) + 1, dice.shape[1]) for t in TARGETS]
        missed = [int((~(dice >= t).any(1)).sum()) for t in TARGETS]
        at = np.arange(len(TARGETS)) + n * width
        right.bar(at, [r.mean() for r in reached], width, color=line.get_color())
        for x, r, m in zip(at, reached, missed):
            right.text(x, r.mean(), f"{m} never" if m else "", ha="center", va="bottom", fontsize=7)
    left.set(xlabel="clicks", ylabel="Dice, mean and 95 % band", ylim=(0, 1))
    left.legend(loc="lower right", frameon=False)
    right.set_xticks(np.arange(len(TARGETS)) + 0.4 - width / 2, [f"NoC@{100 * t:.0f}" for t in TARGETS])
    right.set(ylabel="clicks to that Dice")
    save(figure, folder / "dice.png")


def draw_uncertainty(folder: Path) -> None:
    looks = defaultdict(list)
    for row in rows(folder / "uncertainty.csv"):
        for key in row:
            if key.startswith("auroc_") and row[key]:
                looks[row["estimator"], key.removeprefix("auroc_"), int(row["click"])].append(float(row[key]))
    figure, axes = plt.subplots(figsize=(7, 4))
    for estimator, measure in sorted({key[:2] for key in looks}):
        clicks = sorted(key[2] for key in looks if key[:2] == (estimator, measure))
        means = [np.mean(looks[estimator, measure, n]) for n in clicks]
        axes.plot(clicks, means, marker="o", label=f"{estimator}, {measure.replace('_', ' ')}")
    axes.axhline(0.9, color="#aaaaaa", lw=0.8)
    axes.set(xlabel="clicks", ylabel="AUROC against the actual error, ±10 mm", ylim=(0.5, 1))
    axes.legend(fontsize=7, frameon=False)
    save(figure, folder / "uncertainty.png")


def draw_slices(folder: Path) -> None:
    walks = defaultdict(dict)
    for row in rows(folder / "slices.csv"):
        walks[row["way"], row["case"], row["walk"]][int(row["slice"])] = float(row["dice"])
    figure, axes = plt.subplots(figsize=(6, 4))
    for way, colour in COLOURS.items():
        gains = [[v[n] - v[0] for n in sorted(v)] for (w, _, _), v in walks.items() if w == way]
        if gains:
            mean, low, high = band(np.array(gains))
            axes.plot(mean, marker="o", color=colour, label=way)
            axes.fill_between(range(len(mean)), low, high, color=colour, alpha=0.15, lw=0)
    axes.set(xlabel="slices shown after the first click", ylabel="Dice gained, mean and 95 % band")
    axes.legend(frameon=False)
    save(figure, folder / "slices.png")


def save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(path)


def main() -> None:
    """Command line."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    others = {name: Path(path) for name, _, path in (a.partition("=") for a in sys.argv[2:])}
    draw_dice(folder, others)
    for name, draw in (("uncertainty.csv", draw_uncertainty), ("slices.csv", draw_slices)):
        if (folder / name).is_file():
            draw(folder)


if __name__ == "__main__":
    main()
