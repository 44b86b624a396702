"""Dice of every engine after 1, 3, 5 and 10 centre clicks, by `isochrone evaluate`: the server's own session code.

    python docs/benchmarks/engines.py [--labelled FOLDER] [--lesions build/lesions] [--engines NAME …] [--write]

Plays the held-back patients of a folder of labelled cases (`--labelled`, if it is there) and the five public
lesions, twice: each engine with clicks on its own mistakes, and all with the network's clicks. Runs go to
build/engines/ENGINE-SET and are taken from there if they are complete, unless --again. With --write the tables
replace those of docs/engines.md.
"""

import argparse
import collections
import csv
import os
import subprocess
from pathlib import Path

REPO = Path(__file__).parents[2]
ENGINES = ("network", "graph-cut", "active-contour", "iso-contour", "geodesic")
HELD_BACK = ("sts_029", "sts_03", "nsclc_petct_001491")
COUNTS = (1, 3, 5, 10)
MARKS = "<!-- {}: begin -->", "<!-- {}: end -->"


def play(
    engine: str, cases: Path, only: tuple[str, ...], out: Path, again: bool, replay: Path | None = None
) -> list[dict[str, str]]:
    """Rows of clicks.csv; plays if there are none yet. ``replay``: the clicks of another run, its clicks.csv."""
    if again or not (out / "clicks.csv").is_file():
        command = [str(REPO / "target/release/isochrone"), "evaluate", "--cases", str(cases), "--engine", engine]
        command += [part for prefix in only for part in ("--only", prefix)] + ["--out", str(out)]
        command += ["--replay", str(replay)] if replay else []
        subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    with (out / "clicks.csv").open() as file:
        return list(csv.DictReader(file))


def scores(rows: list[dict[str, str]]) -> dict[str, dict[str, dict[int, float]]]:
    """Dice by modality, case and number of clicks; a reader who has nothing left to correct keeps the last."""
    found: dict = collections.defaultdict(lambda: collections.defaultdict(dict))
    for row in rows:
        found[row["modality"]][row["case"]][int(row["click"])] = float(row["dice"])
    return found


def after(clicks: dict[int, float], count: int) -> float:
    return clicks[max(n for n in clicks if n <= count)]


def table(results: list[tuple[str, str, list[dict[str, str]]]]) -> str:
    """A Markdown table: one row an engine, data set and modality."""
    lines = ["| data | modality | cases | engine | 1 click | 3 | 5 | 10 |", "|---|---|---|---|---|---|---|---|"]
    rows = []
    for order, (engine, name, found) in enumerate(results):
        for modality, cases in scores(found).items():
            means = [sum(after(c, n) for c in cases.values()) / len(cases) for n in COUNTS]
            rows.append((name, modality, order, len(cases), engine, means))
    best = {}
    for name, modality, *_, means in rows:
        key = (name, modality)
        best[key] = [max(a, b) for a, b in zip(best.get(key, means), means, strict=True)]
    for name, modality, _, count, engine, means in sorted(rows):
        marked = (f"**{m:.3f}**" if m == b else f"{m:.3f}" for m, b in zip(means, best[name, modality], strict=True))
        lines.append(f"| {name} | {modality} | {count} | {engine} | {' | '.join(marked)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(os.environ.get("ISOCHRONE_DATA", REPO.parent / "shared/data"))
    parser.add_argument("--labelled", type=Path, default=shared / "labelled", help="the held-back patients' cases")
    parser.add_argument("--lesions", type=Path, default=REPO / "build/lesions")
    parser.add_argument("--engines", nargs="+", default=ENGINES)
    parser.add_argument("--again", action="store_true", help="play again what is there already")
    parser.add_argument("--write", action="store_true", help="put the table into docs/engines.md")
    arguments = parser.parse_args()
    sets = [("public lesions", arguments.lesions, ())]
    if arguments.labelled.is_dir():
        sets.insert(0, ("held-back patients", arguments.labelled, HELD_BACK))
    else:
        print(f"{arguments.labelled} is not there: only the public lesions are played, and the table is not written")
        arguments.write = False
    own, same = [], []
    for name, folder, only in sets:
        outs = {e: REPO / "build/engines" / f"{e}-{name.replace(' ', '-')}" for e in arguments.engines}
        for engine, out in outs.items():
            own.append((engine, name, play(engine, folder, only, out, arguments.again)))
            if "network" in outs:
                clicks = outs["network"] / "clicks.csv"
                replayed = own[-1][2] if engine == "network" else play(
                    engine, folder, only, out.with_name(f"{out.name}-same"), arguments.again, clicks
                )
                same.append((engine, name, replayed))
            print(f"{engine}, {name}: played", flush=True)
    for mark, results in (("own clicks", own), ("the network's clicks", same)):
        text = table(results)
        print(f"{mark}\n{text}")
        if arguments.write:
            page, (begin, end) = REPO / "docs/engines.md", (m.format(mark) for m in MARKS)
            before, rest = page.read_text().split(begin)
            _, after_it = rest.split(end)
            page.write_text(f"{before}{begin}\n{text}\n{end}{after_it}")


if __name__ == "__main__":
    main()
