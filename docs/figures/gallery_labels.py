"""What labels do where they meet, and what can be done to a mask: one picture, every panel through gRPC."""

from collections.abc import Callable
from pathlib import Path

import gallery_client as client
import gallery_prompts as drawing
import matplotlib.pyplot as plt
import numpy as np
from demo_panels import GROUND, MASK, MUTED, TEXT
from gallery_cases import Lesion
from scipy import ndimage

labels = client.labels
OTHER, BEFORE = drawing.PROMPT, drawing.PIN
ISLAND_MM = 38.0
NEVER, REPLACE, ALLOW = labels.OVERLAP_NEVER, labels.OVERLAP_REPLACE_UNLOCKED, labels.OVERLAP_ALLOW
SIDE_MM = 105.0


class Masks:
    """A lesion's mask as one label, the same shifted to the right as another; and what is to be mended."""

    def __init__(self, lesion: Lesion) -> None:
        self.lesion, self.one = lesion, lesion.truth
        self.two = ndimage.shift(self.one.astype(np.uint8), (0, 0, 22.0 / lesion.spacing[1]), order=0) > 0
        j, i = lesion.middle()
        self.middle = np.array([lesion.slice, j, i])
        self.island = self.ball(self.middle + [0, 0, ISLAND_MM / lesion.spacing[1]], 7.0)
        self.hole = self.ball(self.middle, 6.0)
        noise = ndimage.gaussian_filter(np.random.default_rng(7).normal(size=self.one.shape), (0.6, 1.2, 1.2))
        inside = ndimage.distance_transform_edt(self.one) - ndimage.distance_transform_edt(~self.one)
        self.rough = inside + 14 * noise > 0

    def ball(self, kji, radius_mm: float) -> np.ndarray:
        spacing = self.lesion.image.GetSpacing()[::-1]
        return sum(((x - c) * s) ** 2 for x, c, s in zip(np.indices(self.one.shape), kji, spacing, strict=True)) < (
            radius_mm**2
        )


def where_they_meet(masks: Masks, first, overlap: int, locked: bool = False):
    second = first.another("second")
    first.add(drawing.mask_prompt(masks.one))
    if locked:
        first.lock()
    return None, second.add(drawing.mask_prompt(masks.two), overlap=overlap), first.mask()


def click_beside(masks: Masks, first):
    """Half of the lesion is finished; a click beside it fills the rest alone."""
    half = masks.one & (np.indices(masks.one.shape)[2] < masks.middle[2])
    first.add(drawing.mask_prompt(half))
    k, j, i = masks.middle + [0, 0, 8 / masks.lesion.spacing[1]]
    place = client.point(masks.lesion.place(j, i, k))
    found = first.another("rest").add(client.prompts.Click(position=place, polarity=client.POSITIVE))
    return None, found, half


def mended(first, start: np.ndarray, **operation):
    first.add(drawing.mask_prompt(start))
    return start, first.operate(**operation), None


def interpolated(masks: Masks, first):
    """Every fourth slice is drawn."""
    drawn = masks.one.copy()
    slices = np.flatnonzero(masks.one.any((1, 2)))
    kept = sorted({int(k) for k in slices if (k - masks.lesion.slice) % 4 == 2})
    drawn[[k for k in range(len(drawn)) if k not in kept]] = False
    between = labels.Interpolate(axis=client.geometry.AXIS_K, slices=kept, box=drawing.mask_prompt(masks.one).box)
    return mended(first, drawn, interpolate=between)


def combined(masks: Masks, first, how: int):
    second = first.another("second")
    second.add(drawing.mask_prompt(masks.two))
    first.add(drawing.mask_prompt(masks.one), overlap=ALLOW)
    found = first.operate(combine=labels.Combine(other_label_id=second.label, operation=how))
    return masks.one, found, second.mask() if how != labels.SET_OPERATION_UNION else None


def panels(masks: Masks) -> list[tuple[str, Callable]]:
    """A title, and what makes `(mask before, mask now, the other label's)` in a session."""
    at = client.point(masks.lesion.place(*(masks.middle[1:] + [0, ISLAND_MM / masks.lesion.spacing[1]])))
    return [
        ("never: the first keeps its voxels", lambda s: where_they_meet(masks, s, NEVER)),
        ("replace: they go to the second", lambda s: where_they_meet(masks, s, REPLACE)),
        ("replace, the first is locked", lambda s: where_they_meet(masks, s, REPLACE, locked=True)),
        ("allow: both have them", lambda s: where_they_meet(masks, s, ALLOW)),
        ("island removed by a click", lambda s: mended(s, masks.one | masks.island, island=labels.Island(position=at))),
        ("holes filled", lambda s: mended(s, masks.one & ~masks.hole, fill_holes=labels.FillHoles())),
        ("smoothed, 3 mm", lambda s: mended(s, masks.rough, smooth=labels.Smooth(radius_mm=3))),
        ("interpolated: this slice was empty", lambda s: interpolated(masks, s)),
        ("union", lambda s: combined(masks, s, labels.SET_OPERATION_UNION)),
        ("intersection", lambda s: combined(masks, s, labels.SET_OPERATION_INTERSECTION)),
        ("difference", lambda s: combined(masks, s, labels.SET_OPERATION_DIFFERENCE)),
        ("a click beside a finished label", lambda s: click_beside(masks, s)),
    ]


def labels_sheet(server, lesion: Lesion, path: Path) -> None:
    """The whole picture, of one lesion."""
    masks = Masks(lesion)
    todo = panels(masks)
    rows, height = len(todo) // 4, 3.75 * (len(todo) // 4) + 0.85
    figure, axes = plt.subplots(rows, 4, figsize=(14, height), facecolor=GROUND)
    figure.subplots_adjust(0.01, 0.42 / height, 0.99, 1 - 0.82 / height, 0.03, 0.14)
    top = 1 - 0.3 / height
    figure.text(0.012, top, f"Labels, on {lesion.name}", color=TEXT, fontsize=15, weight="bold", va="center")
    legend = ((0.988, "mask", MASK), (0.94, "other label", OTHER), (0.865, "before", BEFORE))
    for x, name, colour in legend:
        figure.text(x, top, name, color=colour, fontsize=10, ha="right", va="center")
    note = "each panel is a session of its own; the click is the network's (lesion-3)"
    figure.text(0.012, 0.17 / height, note, color=MUTED, fontsize=9.5, va="center")
    for a, (title, make) in zip(axes.flat, todo, strict=True):
        session = server.session(lesion.file, "network" if "click beside" in title else "geodesic")
        before, now, other = make(session)
        session.close()
        show(a, masks, title, ((before, BEFORE, "--", 1.4), (other, OTHER, "-", 1.9), (now, MASK, "-", 1.9)))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=68, facecolor=GROUND)
    plt.close(figure)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB", flush=True)


def show(axes, masks: Masks, title: str, outlines) -> None:
    lesion, (_, j, i) = masks.lesion, masks.middle
    low, high = lesion.window
    axes.imshow(lesion.values[lesion.slice], cmap="gray", vmin=low, vmax=high)
    for mask, colour, style, width in outlines:
        if mask is not None and mask[lesion.slice].any():
            axes.contour(
                mask[lesion.slice].astype(float), levels=[0.5], colors=[colour], linewidths=width, linestyles=style
            )
    axes.set_xlim(i - SIDE_MM / 2 / lesion.spacing[1], i + SIDE_MM / 2 / lesion.spacing[1])
    axes.set_ylim(j + SIDE_MM / 2 / lesion.spacing[0], j - SIDE_MM / 2 / lesion.spacing[0])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, color=TEXT, fontsize=11, pad=6)
