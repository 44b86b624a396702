"""Does the network know where it is wrong? Samples, test-time augmentation and the error head compared.

``python -m isochrone_training.calibration --data DIR --bundle B --out DIR`` plays the centre reader on held-back
patients and looks at voxels within 10 mm either side of the predicted boundary, on the working grid, after
clicks 1, 3 and 5: AUROC of each score against the mask's error, and the expected calibration error (ECE) of
each probability. A temperature is fitted on every other patient and reported on the rest, and the other way
round; the one for the bundle is fitted on all. ``--tuning`` plays on training patients instead.
"""

import argparse
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from .data import VALIDATION_PATIENTS, patient, read_cases
from .evaluate import Bundle, tuning_cases
from .kernels import centre_click, set_threads
from .reader import Session
from .recipe import read_recipe
from .uncertainty import auroc, boundary_band, calibration_error, entropy, mutual_information, to_working_grid

CLICKS = (1, 3, 5)
BAND_MM = 10.0
SAMPLES = 8


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logits to probabilities."""
    return 1 / (1 + np.exp(-x))


def augmented(bundle: Bundle, inputs: tuple) -> np.ndarray:
    """Logits of the region flipped along each subset of its axes, flipped back: ``[8, side, side, side]``."""
    ones = {n: np.ones((1, c), np.float32) for n, c in bundle.drops.items()}
    found = []
    for flips in ([a for a in range(3) if n >> a & 1] for n in range(8)):
        bundle.probability(*(np.flip(x, flips) for x in inputs))
        found.append(np.flip(bundle.logits("decoder", ones)[0], flips))
    return np.stack(found)


def look(bundle: Bundle, play: Session, truth: np.ndarray) -> dict | None:
    """Scores and logits of the band's voxels after a click, and what each way cost in ms."""
    side, ms, start = play.region.side, {}, time.perf_counter()
    probability = play.network(*play.inputs)
    ms["one pass"], start = 1e3 * (time.perf_counter() - start), time.perf_counter()
    samples = bundle.samples(SAMPLES, seed=len(play.clicks))
    ms["samples"], start = 1e3 * (time.perf_counter() - start), time.perf_counter()
    error = bundle.logits("error", {})[0] if "error" in bundle.sessions else samples[0] * 0
    ms["error head"], start = 1e3 * (time.perf_counter() - start), time.perf_counter()
    flipped = augmented(bundle, play.inputs)
    ms["augmentation"] = 1e3 * (time.perf_counter() - start)
    found = probability > 0.5
    if not found.any():
        return None
    band = boundary_band(found, play.region.spacing_mm[0], BAND_MM) & play.region.inside_volume()
    wide = np.stack([to_working_grid(x, side)[band] for x in samples])
    away = boundary_distance(found, play.region.spacing_mm[0])[band]
    true = play.region.cut(truth, 0.0)[band] > 0.5
    scores = {
        "samples: mutual information": to_working_grid(mutual_information(sigmoid(samples)), side)[band],
        "samples: entropy of the mean": entropy(sigmoid(wide).mean(0)),
        "augmentation: mutual information": mutual_information(sigmoid(flipped[:, band])),
        "augmentation: entropy of the mean": entropy(sigmoid(flipped[:, band]).mean(0)),
        "error head": to_working_grid(error, side)[band],
        "one pass: entropy": entropy(probability[band]),
        "nearness to the boundary": -away,
    }
    logit = np.log(np.clip(probability[band], 1e-7, 1 - 1e-7) / np.clip(1 - probability[band], 1e-7, 1))
    return {"scores": scores, "wrong": found[band] != true, "true": true, "samples": wide, "logit": logit, "ms": ms}


def boundary_distance(found: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Distance to the predicted boundary, mm."""
    from .kernels import distance_transform

    spacing = (spacing_mm,) * 3
    return np.where(found, distance_transform(found, spacing), distance_transform(~found, spacing))


def play_case(job: tuple) -> list[tuple]:
    """The looks at one case: (case, modality, click, look). Its job is (bundle's folder, case, region)."""
    folder, case, region = job
    set_threads(1)
    bundle, truth = Bundle(folder, 1), case.labels > 0
    play, found = Session(case.image, case.spacing_mm, bundle.probability, region), []
    for n in range(1, max(CLICKS) + 1):
        at = centre_click(play.mask, truth, case.spacing_mm)
        if at is not None:
            play.click(*at)
        if n in CLICKS and (seen := look(bundle, play, truth)) is not None:
            found.append((case.name, case.modality, n, seen))
    return found


def mean_of(samples: np.ndarray, temperature: float) -> np.ndarray:
    """Mean probability of samples' logits ``[T, n]`` (or of one, ``[n]``) at a temperature."""
    p = sigmoid(samples / temperature)
    return p.mean(0) if p.ndim == 2 else p


def fit(looks: list[dict], key: str) -> float:
    """The temperature of least cross-entropy, each look counting the same."""
    def loss(log_t: float) -> float:
        total = 0.0
        for seen in looks:
            p = np.clip(mean_of(seen[key], np.exp(log_t)), 1e-6, 1 - 1e-6)
            total -= np.where(seen["true"], np.log(p), np.log(1 - p)).mean()
        return total

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 2.5), method="bounded", options={"xatol": 0.02}).x))


def table(rows: list[tuple]) -> tuple[str, dict]:
    """Markdown, and the numbers; ``rows`` are (case, modality, click, look)."""
    lines = ["| AUROC of the error | click 1 | click 3 | click 5 | ms |", "|---" * 5 + "|"]
    costs = {"samples": "samples", "augmentation": "augmentation", "error head": "error head"}
    figures: dict = {"auroc": {}, "ece": {}, "temperature": {}}
    for name in rows[0][3]["scores"]:
        means = []
        for n in CLICKS:
            values = [auroc(r[3]["scores"][name], r[3]["wrong"]) for r in rows if r[2] == n]
            means.append(float(np.mean([v for v in values if v is not None])))
        cost = [np.median([r[3]["ms"][c] for r in rows]) for k, c in costs.items() if name.startswith(k)]
        figures["auroc"][name] = means
        cells = [f"{m:.3f}" for m in means] + [str(round(c)) for c in cost or [0]]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    patients = sorted({patient(r[0]) for r in rows})
    halves = [[r for r in rows if patients.index(patient(r[0])) % 2 == h] for h in (0, 1)]
    head = "| ECE of the probability | as trained | other patients' temperature | temperature for all |"
    lines += ["", head, "|---" * 4 + "|"]
    for key, name in (("samples", f"mean of {SAMPLES} samples"), ("logit", "one pass")):
        plain = np.mean([calibration_error(mean_of(r[3][key], 1.0), r[3]["true"]) for r in rows])
        crossed = [
            calibration_error(mean_of(r[3][key], t), r[3]["true"])
            for mine, other in (halves, halves[::-1]) for t in [fit([x[3] for x in other], key)] for r in mine
        ]
        everything = fit([r[3] for r in rows], key)
        pooled = pooled_error(halves, key)
        crossed = float(np.mean(crossed))
        figures["ece"][name] = {"as trained": float(plain), "crossed": crossed, "crossed, pooled": pooled}
        figures["temperature"][name] = everything
        lines.append(f"| {name} | {plain:.3f} | {crossed:.3f} ({pooled:.3f} over all voxels) | {everything:.2f} |")
    return "\n".join(lines), figures


def pooled_error(halves: list[list], key: str) -> float:
    """ECE over the voxels of all looks together, with the other half's temperature."""
    p, true = [], []
    for mine, other in (halves, halves[::-1]):
        t = fit([x[3] for x in other], key)
        p += [mean_of(r[3][key], t) for r in mine]
        true += [r[3]["true"] for r in mine]
    return calibration_error(np.concatenate(p), np.concatenate(true))


def main() -> None:
    """Command line."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds labelled/")
    parser.add_argument("--bundle", type=Path, default=here.parent / "models" / "lesion-2")
    parser.add_argument("--recipe", type=Path, default=here / "recipe.toml")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--tuning", action="store_true", help="on some training cases instead")
    args = parser.parse_args()
    cases = tuning_cases(args.data) if args.tuning else read_cases(args.data, VALIDATION_PATIENTS)
    region = read_recipe(args.recipe)["region"]
    rows = []
    with multiprocessing.get_context("fork").Pool(args.processes) as pool:
        jobs = [(args.bundle, case, region) for case in sorted(cases, key=lambda c: -c.image.size)]
        for found in pool.imap_unordered(play_case, jobs):
            rows += found
            print(found[0][0] if found else "a case without a mask", flush=True)
    rows.sort(key=lambda row: (row[0], row[2]))
    text, figures = table(rows)
    print(text)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "uncertainty.md").write_text(text + "\n")
    (args.out / "uncertainty.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
