"""The demo in one picture: python docs/figures/demo_picture.py build/demo [--readme]

One row a lesion: the first click, the slice the server then proposes with its uncertainty, every slice's
score, and Dice after each click. Writes <folder>/demo.png; with --readme also docs/figures/demo.png.
"""

import argparse
import shutil
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from demo_data import Case, read
from demo_panels import (
    ACCENT,
    CORRECTION,
    GRID,
    GROUND,
    MASK,
    MUTED,
    TEXT,
    TRUTH,
    dice_curves,
    first_click,
    next_slice,
    slice_scores,
)

HEADINGS = ("One click in the lesion", "The slice to look at next", "Why that slice", "Dice after each click")


def picture(document: dict, cases: list[Case]):
    """Lays the panels out."""
    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": TEXT, "axes.edgecolor": GRID})
    rows = len(cases)
    figure = plt.figure(figsize=(18.5, 2.1 + 4.05 * rows), facecolor=GROUND)
    height = 2.1 + 4.05 * rows
    grid = figure.add_gridspec(
        rows,
        4,
        left=0.055,
        right=0.985,
        top=1 - 1.5 / height,
        bottom=0.9 / height,
        wspace=0.10,
        hspace=0.10,
        width_ratios=[1, 1, 0.98, 1.22],
    )
    highest = max(
        float(np.percentile(c.uncertainty[c.uncertainty > 0], 99.5)) for c in cases if (c.uncertainty > 0).any()
    )
    layer = None
    for row, case in enumerate(cases):
        panels = [figure.add_subplot(grid[row, column]) for column in range(4)]
        for axes in panels:
            axes.set_facecolor(GROUND)
            axes.tick_params(colors=MUTED, labelsize=11, length=0)
            for side in axes.spines.values():
                side.set_visible(False)
        if row == 0:
            for number, (axes, text) in enumerate(zip(panels, HEADINGS, strict=True), 1):
                axes.set_title(f"{number}  {text}", color=TEXT, fontsize=15, loc="left", pad=10)
        first_click(panels[0], case)
        layer = next_slice(panels[1], case, highest) or layer
        slice_scores(panels[2], case, row == rows - 1)
        dice_curves(panels[3], case, row == rows - 1)
    footer(figure, layer, height)
    heading(figure, document, height)
    return figure


def footer(figure, layer, height: float) -> None:
    """What the colours mean."""
    y = 0.3 / height
    key = (
        (0.055, "●", TRUTH, "ground truth"),
        (0.138, "●", MASK, "mask after one click"),
        (0.262, "⊕", ACCENT, "adds"),
        (0.305, "⊖", CORRECTION, "removes"),
    )
    for x, sign, colour, text in key:
        figure.text(x, y, sign, color=colour, fontsize=15, va="center")
        figure.text(x + 0.013, y, text, color=TEXT, fontsize=12, va="center")
    if layer is not None:
        figure.text(0.376, y, "uncertainty", color=TEXT, fontsize=12, va="center")
        bar = figure.add_axes((0.437, y - 0.05 / height, 0.055, 0.1 / height))
        colours = figure.colorbar(layer, cax=bar, orientation="horizontal")
        colours.solids.set_alpha(1)
        colours.outline.set_visible(False)
        bar.set_xticks([])
        figure.text(0.497, y, f"0 to {layer.norm.vmax:.2g} nats", color=MUTED, fontsize=11, va="center")
    curves, names = figure.axes[3].get_legend_handles_labels()
    figure.legend(
        curves[::-1],
        names[::-1],
        loc="center right",
        bbox_to_anchor=(0.99, y),
        ncols=3,
        frameon=False,
        fontsize=12,
        labelcolor=TEXT,
        handlelength=1.7,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
    )


def heading(figure, document: dict, height: float) -> None:
    """Title, and where the figures come from."""
    network = next((e for e in document["engines"] if e["name"] == "network"), {"model": "", "device": ""})
    data = "A synthetic body" if document["synthetic"] else "Real lesions the network never saw (pyradiomics samples)"
    text = f"{data}, a simulated reader over gRPC, model {network['model']} on {network['device']}"
    figure.text(
        0.055,
        1 - 0.42 / height,
        "After each click, Isochrone says which slice to look at next",
        fontsize=23,
        fontweight="bold",
        va="center",
    )
    figure.text(0.055, 1 - 0.8 / height, text, fontsize=12.5, color=MUTED, va="center")


def main() -> int:
    """Draws and saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/demo"))
    parser.add_argument("--readme", action="store_true", help="also write docs/figures/demo.png")
    args = parser.parse_args()
    if not (args.folder / "demo.json").is_file():
        print(f"{args.folder} holds no demo.json: run `isochrone demo --out {args.folder}` first", file=sys.stderr)
        return 1
    document, cases = read(args.folder)
    out = args.folder / "demo.png"
    picture(document, cases).savefig(out, dpi=110, facecolor=GROUND)
    print(f"Picture: {out}")
    if args.readme:
        shutil.copyfile(out, Path(__file__).with_name("demo.png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
