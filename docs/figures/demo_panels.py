"""The four panels of a lesion's row: first click, proposed slice, slice scores, Dice per click."""

import numpy as np
from demo_data import ARRAY_AXIS, Case
from matplotlib.patheffects import withStroke

GROUND, TEXT, MUTED, GRID = "#0b0f14", "#e8eef4", "#8a96a3", "#232c36"
TRUTH, MASK, ACCENT, CORRECTION = "#f5f5f5", "#39c6f4", "#ffb454", "#ff5c7a"
CONTEXT_MM, DETAIL_MM = 170.0, 96.0
EDGES = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}  # left, right, top, bottom
HALO = [withStroke(linewidth=2.5, foreground="black", alpha=0.7)]


def cut(case: Case, array: np.ndarray, plane: str, index: int) -> np.ndarray:
    """One slice, rows from top to bottom as a radiologist sees them."""
    slice_ = np.take(array, index, axis=ARRAY_AXIS[plane])
    return slice_ if plane == "axial" else slice_[::-1]


def extent(case: Case, plane: str) -> tuple[float, float, float, float]:
    """Edges of a slice in mm: left, right, bottom, top."""
    size = np.array(case.image.array.shape) * case.image.spacing
    k, j, i = size
    across, down = {"axial": (i, j), "coronal": (i, k), "sagittal": (j, k)}[plane]
    return 0, across, down, 0


def spot(case: Case, plane: str, lps_mm) -> tuple[float, float]:
    """Where a place lies on a slice, in the slice's mm."""
    k, j, i = (case.image.voxel(lps_mm) + 0.5) * case.image.spacing
    height = case.image.array.shape[0] * case.image.spacing[0]
    return {"axial": (i, j), "coronal": (i, height - k), "sagittal": (j, height - k)}[plane]


def window(case: Case) -> tuple[float, float]:
    """Grey values from black to white."""
    if case.modality == "CT":
        return -1000.0, 350.0
    low, high = np.percentile(case.image.array, [2, 99.7])
    return float(low), float(high)


def show(axes, case: Case, plane: str, index: int, centre, side: float) -> None:
    """A slice with the outlines of truth and mask, `side` mm wide round `centre`."""
    low, high = window(case)
    box = extent(case, plane)
    axes.imshow(
        cut(case, case.image.array, plane, index),
        cmap="gray",
        vmin=low,
        vmax=high,
        extent=box,
        interpolation="bilinear",
    )
    for array, colour, width in ((case.truth, TRUTH, 1.4), (case.mask, MASK, 1.8)):
        outline(axes, cut(case, array, plane, index), box, colour, width)
    x, y = np.clip(centre, side / 2, np.maximum(np.array([box[1], box[2]]) - side / 2, side / 2))
    axes.set_xlim(x - side / 2, x + side / 2)
    axes.set_ylim(y + side / 2, y - side / 2)
    axes.set_facecolor("black")
    axes.set_xticks([])
    axes.set_yticks([])
    places = (
        (0.02, 0.5, "left", "center"),
        (0.98, 0.5, "right", "center"),
        (0.5, 0.98, "center", "top"),
        (0.5, 0.02, "center", "bottom"),
    )
    for letter, (px, py, ha, va) in zip(EDGES[plane], places, strict=True):
        axes.text(px, py, letter, transform=axes.transAxes, ha=ha, va=va, color=MUTED, fontsize=10, path_effects=HALO)


def outline(axes, mask: np.ndarray, box, colour: str, width: float) -> None:
    """The mask's border between voxel centres."""
    if not mask.any():
        return
    rows, columns = mask.shape
    x = (np.arange(columns) + 0.5) * box[1] / columns
    y = (np.arange(rows) + 0.5) * box[2] / rows
    lines = axes.contour(x, y, mask.astype(float), levels=[0.5], colors=[colour], linewidths=width)
    lines.set_path_effects([withStroke(linewidth=width + 1.4, foreground="black", alpha=0.55)])


def mark(axes, case: Case, plane: str, turn: dict) -> None:
    """A click: + or − in a ring."""
    x, y = spot(case, plane, turn["lps_mm"])
    colour = ACCENT if turn["positive"] else CORRECTION
    axes.plot(x, y, "o", ms=15, mfc=(0, 0, 0, 0.45), mec=colour, mew=1.8, zorder=6)
    axes.plot(x, y, "+" if turn["positive"] else "_", ms=8, mec=colour, mew=2.2, zorder=7)


def first_click(axes, case: Case) -> None:
    """The axial slice of the first click; a dashed line where the proposed slice cuts it."""
    k = round(float(case.image.voxel(case.first["lps_mm"])[0]))
    show(axes, case, "axial", k, spot(case, "axial", case.first["lps_mm"]), CONTEXT_MM)
    mark(axes, case, "axial", case.first)
    if case.next:
        x, y = spot(case, "axial", case.next["lps_mm"])
        line = {"sagittal": axes.axvline, "coronal": axes.axhline}.get(case.next["slice"]["plane"])
        if line:
            line(
                x if case.next["slice"]["plane"] == "sagittal" else y, color=ACCENT, lw=1.3, ls=(0, (6, 4)), alpha=0.95
            )
    axes.set_ylabel(f"{case.name}\n", color=TEXT, fontsize=17, fontweight="bold", labelpad=16)
    axes.text(
        -0.045,
        0.5,
        case.title,
        transform=axes.transAxes,
        rotation=90,
        ha="right",
        va="center",
        color=MUTED,
        fontsize=11.5,
    )


def next_slice(axes, case: Case, highest: float):
    """The proposed slice with its uncertainty and the correction made there."""
    if not case.next:
        axes.axis("off")
        return None
    plane = case.next["slice"]["plane"]
    index = round(float(case.image.voxel(case.next["lps_mm"])[ARRAY_AXIS[plane]]))
    inside = np.argwhere(np.take(case.truth | case.mask, index, ARRAY_AXIS[plane]))
    centre = spot(case, plane, case.next["lps_mm"]) if not len(inside) else None
    if centre is None:
        middle = (inside.min(0) + inside.max(0)) / 2 + 0.5
        spacing = np.delete(case.image.spacing, ARRAY_AXIS[plane])
        down, across = middle * spacing
        centre = (across, down if plane == "axial" else extent(case, plane)[2] - down)
    show(axes, case, plane, index, centre, DETAIL_MM)
    values = cut(case, case.uncertainty, plane, index)
    layer = axes.imshow(
        values,
        cmap="inferno",
        vmin=0,
        vmax=highest,
        extent=extent(case, plane),
        interpolation="bilinear",
        alpha=np.clip(values / highest * 1.6, 0, 0.85),
        zorder=1.5,
    )
    mark(axes, case, plane, case.next)
    text = f"{plane} {case.next['slice']['axis']} = {case.next['slice']['index']}"
    axes.text(0.03, 0.965, text, transform=axes.transAxes, va="top", color=ACCENT, fontsize=12.5, path_effects=HALO)
    return layer


def slice_scores(axes, case: Case, last: bool) -> None:
    """Score of every slice, one ridge a plane; a mark on the proposed one."""
    highest = max((values.max() for _, values in case.scores.values()), default=1.0)
    origin = case.image.voxel(case.first["lps_mm"])
    for row, plane in enumerate(("axial", "coronal", "sagittal")):
        base = (2 - row) * 1.12
        axes.text(-104, base + 0.1, plane, color=MUTED, fontsize=11.5, va="bottom")
        axes.plot([-64, 64], [base, base], color=GRID, lw=1)
        if plane not in case.scores:
            continue
        along = ARRAY_AXIS[plane]
        positions, values = case.scores[plane]
        mm = (positions - origin[along]) * case.image.spacing[along]
        values, mm = values[abs(mm) <= 64], mm[abs(mm) <= 64]
        axes.fill_between(mm, base, base + values / highest, color=MASK, alpha=0.22, lw=0)
        axes.plot(mm, base + values / highest, color=MASK, lw=1.6)
        if case.next and case.next["slice"]["plane"] == plane:
            at = (case.image.voxel(case.next["lps_mm"])[along] - origin[along]) * case.image.spacing[along]
            top = base + np.interp(at, mm, values) / highest
            axes.plot([at, at], [base, top], color=ACCENT, lw=2)
            axes.plot(at, top, "v", color=ACCENT, ms=9, clip_on=False)
    axes.set_xlim(-106, 66)
    axes.set_ylim(-0.05, 3.45)
    axes.set_yticks([])
    axes.set_xticks([-50, 0, 50])
    if last:
        axes.set_xlabel("mm from the first click", color=MUTED, fontsize=12)


def dice_curves(axes, case: Case, last: bool) -> None:
    """Dice after each click: proposed slices, random slices, the whole volume."""
    dice = [t["dice"] for t in case.turns]
    if len(case.random):
        clicks = np.arange(1, case.random.shape[1] + 1)
        axes.fill_between(clicks, case.random.min(0), case.random.max(0), color=MUTED, alpha=0.18, lw=0)
        axes.plot(clicks, case.random.mean(0), color=MUTED, lw=2, label=f"random slices ({len(case.random)} readers)")
    axes.plot(
        np.arange(1, len(case.anywhere) + 1), case.anywhere, color=TEXT, lw=1.3, ls=":", label="sees the whole volume"
    )
    axes.plot(np.arange(1, len(dice) + 1), dice, "-o", color=ACCENT, lw=2.6, ms=5.5, label="proposed slices")
    axes.set_xlim(0.7, max(10, len(dice)) + 0.3)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "", "0.5", "", "1"])
    axes.set_xticks([1, 3, 5, 10])
    axes.grid(color=GRID, lw=0.8)
    axes.text(0.03, 0.95, "Dice", transform=axes.transAxes, color=MUTED, fontsize=12, va="top")
    if last:
        axes.set_xlabel("clicks", color=MUTED, fontsize=12)
