"""Tries values of an engine's parameters on training patients, by `isochrone evaluate`.

    python docs/benchmarks/tune.py LABELLED graph-cut lambda=0.5,1,2 sigma=0.2,0.3 [--patients sts_003 …] [--clicks 5]

One parameter at a time: of each, the value that scores best is kept for the next. The score is the mean over
modalities of the mean Dice after 1, 3 and 5 clicks. Patients held back for reporting are refused.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from engines import HELD_BACK, REPO, after, scores

PATIENTS = ("sts_003", "sts_008", "sts_012", "sts_018", "sts_024", "nsclc_petct_000991")
COUNTS = (1, 3, 5)


def score(labelled: Path, engine: str, setting: dict[str, str], patients, clicks: int) -> tuple[float, dict]:
    """The score, and the mean Dice by modality."""
    import csv

    with tempfile.TemporaryDirectory() as out:
        command = [str(REPO / "target/release/isochrone"), "evaluate", "--cases", str(labelled), "--engine", engine]
        command += [part for p in patients for part in ("--only", p)] + ["--clicks", str(clicks), "--out", out]
        command += [part for name, value in setting.items() for part in ("--set", f"{name}={value}")]
        subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.DEVNULL)
        with (Path(out) / "clicks.csv").open() as file:
            found = scores(list(csv.DictReader(file)))
    counts = [n for n in COUNTS if n <= clicks]
    by = {
        modality: sum(after(c, n) for c in cases.values() for n in counts) / len(cases) / len(counts)
        for modality, cases in found.items()
    }
    return sum(by.values()) / len(by), by


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path)
    parser.add_argument("engine")
    parser.add_argument("values", nargs="+", metavar="NAME=VALUE,…")
    parser.add_argument("--patients", nargs="+", default=PATIENTS)
    parser.add_argument("--clicks", type=int, default=5)
    arguments = parser.parse_args()
    if any(p.startswith(HELD_BACK) or h.startswith(p) for p in arguments.patients for h in HELD_BACK):
        parser.error(f"{', '.join(HELD_BACK)} are held back for reporting; tune on other patients")
    setting: dict[str, str] = {}
    for text in arguments.values:
        name, values = text.split("=", 1)
        tried = {}
        for value in values.split(","):
            tried[value], by = score(
                arguments.labelled, arguments.engine, {**setting, name: value}, arguments.patients, arguments.clicks
            )
            detail = "  ".join(f"{m} {d:.3f}" for m, d in sorted(by.items()))
            print(f"{arguments.engine} {setting} {name}={value}: {tried[value]:.4f}  {detail}", flush=True)
        setting[name] = max(tried, key=tried.get)
    print(f"best: {setting}")


if __name__ == "__main__":
    main()
