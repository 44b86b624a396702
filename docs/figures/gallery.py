"""Pictures of every kind of prompt and of every engine, on public lesions, through gRPC.

    python docs/figures/gallery.py build/lesions [--only click graph-cut] [--out docs/figures]

Needs `make build lesions`. Writes OUT/prompts/KIND.png and OUT/engines/ENGINE.png.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import gallery_client as client
import gallery_prompts as drawing
import matplotlib.pyplot as plt
import numpy as np
from demo_panels import GROUND, HALO, MASK, MUTED, TEXT, TRUTH
from gallery_cases import Lesion
from gallery_labels import labels_sheet
from gallery_names import named, server_with_classes
from scipy import ndimage

KINDS = {
    "click": drawing.click,
    "scribble": drawing.scribble,
    "box-2d": drawing.box_2d,
    "box-3d": drawing.box_3d,
    "extreme-points": drawing.extreme_points,
    "lasso": drawing.lasso,
    "polygon": drawing.polygon,
    "initial-mask": drawing.initial_mask,
    "gaze": drawing.gaze,
}
ENGINES = ("network", "geodesic", "graph-cut", "active-contour", "iso-contour")
SIDE_MM = 70.0
CLICKS = (1, 3, 5)


def lesions(folder: Path) -> dict[str, Lesion]:
    """The cases that the pictures show."""
    cases = [
        Lesion.read(folder, "lung2", "CT", (-1000, 350)),
        Lesion.read(folder, "brain1", "MR"),
        Lesion.read(folder, "breast1", "MR"),
    ]
    return {case.name: case for case in cases}


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / max(int(a.sum() + b.sum()), 1)


def panel(axes, lesion: Lesion, mask: np.ndarray | None, k: int, title: str) -> None:
    """A slice round the lesion with the outlines of truth and mask; axes in pixels."""
    low, high = lesion.window or np.percentile(lesion.values[k], [1, 99.7])
    spacing = lesion.spacing
    axes.imshow(
        lesion.values[k], cmap="gray", vmin=low, vmax=high, interpolation="bilinear", aspect=spacing[0] / spacing[1]
    )
    axes.contour(lesion.truth[k].astype(float), levels=[0.5], colors=[TRUTH], linewidths=1.0, linestyles=":")
    if mask is not None and mask[k].any():
        axes.contour(mask[k].astype(float), levels=[0.5], colors=[MASK], linewidths=1.9)
    j, i = np.argwhere(lesion.on_slice).mean(0)
    side = max(SIDE_MM, 1.5 * max(np.ptp(np.argwhere(lesion.on_slice), axis=0) * spacing))
    axes.set_xlim(i - side / 2 / spacing[1], i + side / 2 / spacing[1])
    axes.set_ylim(j + side / 2 / spacing[0], j - side / 2 / spacing[0])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("black")
    axes.set_title(title, color=TEXT, fontsize=11, pad=6)


def sheet(columns: int, title: str, note: str, rows: int = 1):
    """A dark figure with a heading and a legend."""
    figure, axes = plt.subplots(rows, columns, figsize=(3.5 * columns, 3.75 * rows + 0.85), facecolor=GROUND)
    height = 3.75 * rows + 0.85
    figure.subplots_adjust(0.01, 0.42 / height, 0.99, 1 - 0.82 / height, 0.03, 0.14)
    figure.text(0.012, 1 - 0.3 / height, title, color=TEXT, fontsize=15, weight="bold", va="center")
    figure.text(0.012, 0.17 / height, note, color=MUTED, fontsize=9.5, va="center")
    legend = (("mask", MASK), ("drawn by experts", TRUTH), ("prompt", drawing.PROMPT))
    for n, (name, colour) in enumerate(reversed(legend)):
        x = 0.988 - (0, 0.75, 2.2)[n] / (3.5 * columns)
        figure.text(x, 1 - 0.3 / height, name, color=colour, fontsize=10, ha="right", va="center")
    return figure, np.atleast_1d(axes)


def save(figure, path: Path, dpi: int = 84) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi, facecolor=GROUND)
    plt.close(figure)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB", flush=True)


def prompt_sheet(server, cases: dict[str, Lesion], kind: str, out: Path) -> None:
    """The prompt as it is drawn, and what an engine makes of it, on two lesions."""
    figure, axes = sheet(4, kind.replace("-", " ").capitalize(), "engine: network; dotted: the experts' outline")
    for pair, name in zip((axes[:2], axes[2:]), ("lung2", "brain1"), strict=True):
        lesion = cases[name]
        drawn = KINDS[kind](lesion)
        session = server.session(lesion.file, "network")
        mask = session.add(*drawn.prompts)
        session.close()
        panel(pair[0], lesion, None, lesion.slice, f"{name} ({lesion.modality}): {drawn.note}")
        panel(pair[1], lesion, mask, lesion.slice, f"mask, Dice {dice(mask, lesion.truth):.2f}")
        for a in pair:
            drawn.draw(a)
    save(figure, out / "prompts" / f"{kind}.png")


def border_sheet(server, cases: dict[str, Lesion], out: Path) -> None:
    """The snake: a border drawn too wide slides to the edge, and is held where a vertex was dragged."""
    figure, axes = sheet(
        4, "Active contour: a drawn border", "one slice is drawn; the surface follows in the slices beside it"
    )
    for pair, name in zip((axes[:2], axes[2:]), ("lung2", "brain1"), strict=True):
        lesion = cases[name]
        drawn = drawing.dragged(lesion, 5.0)
        session = server.session(lesion.file, "active-contour")
        mask = session.add(*drawn.prompts)
        session.close()
        panel(pair[0], lesion, mask, lesion.slice, f"{name}: drawn too wide; red: dragged")
        on = beside(lesion)
        title = f"{abs(on - lesion.slice)} slices on; in 3D: Dice {dice(mask, lesion.truth):.2f}"
        panel(pair[1], lesion, mask, on, title)
        drawn.draw(pair[0])
    save(figure, out / "prompts" / "polygon-active-contour.png")


def drag_sheet(server, cases: dict[str, Lesion], out: Path) -> None:
    """A vertex is dragged, and its neighbours follow."""
    figure, axes = sheet(
        4, "Vertex drag", "engine: network; two neighbours on each side follow by a half and a quarter of the way"
    )
    for pair, name in zip((axes[:2], axes[2:]), ("lung2", "brain1"), strict=True):
        lesion = cases[name]
        drawn = drawing.polygon(lesion)
        session = server.session(lesion.file, "network")
        before = session.add(*drawn.prompts)
        corners = drawing.vertices(lesion, 0.0, 14)
        to = corners[3] + 0.45 * (corners[3] - corners.mean(0))
        ends = drawing.places(lesion, [corners[3], to])
        drag = client.prompts.VertexDrag(polygon_prompt_id=session.placed[0].prompt_id, to=ends[1])
        getattr(drag, "from").CopyFrom(ends[0])
        after = session.add(drag)
        moved = [lesion.voxel((p.x, p.y, p.z))[1:] for p in session.placed[0].polygon.vertices]
        session.close()
        panel(pair[0], lesion, before, lesion.slice, f"{name} ({lesion.modality}): a vertex is dragged")
        panel(pair[1], lesion, after, lesion.slice, "the border and the mask follow")
        drawn.draw(pair[0])
        way = {"arrowstyle": "-|>", "color": drawing.PIN, "linewidth": 2, "mutation_scale": 16}
        pair[0].annotate("", xy=to[::-1], xytext=corners[3][::-1], arrowprops=way, zorder=6)
        drawing.both(drawing.curve(moved), drawing.dots(moved, s=22))(pair[1])
        drawing.dots(to, s=60, color=drawing.PIN)(pair[1])
    save(figure, out / "prompts" / "vertex-drag.png")


def name_sheet(root: Path, lesion: Lesion, out: Path) -> None:
    """The same click with one name and with another."""
    note = "a toy model of the tests, whose classes are bright and dark voxels: lesion-3 knows no names"
    figure, axes = sheet(4, "Label name", note)
    middle = lesion.middle()
    around = lesion.outline(8.0).astype(int)
    beyond = tuple(min(around.tolist(), key=lambda at: lesion.values[lesion.slice][*at]))
    with server_with_classes(root) as server:
        ways = [(at, name) for at in (middle, beyond) for name in ("soft tissue", "air")]
        for a, (at, name) in zip(axes, ways, strict=True):
            where = "in the lesion" if at == middle else "in the lung"
            panel(a, lesion, named(server, lesion, name, at), lesion.slice, f"“{name}”, a click {where}")
            drawing.dots(at)(a)
    save(figure, out / "prompts" / "label-name.png")


def beside(lesion: Lesion) -> int:
    """A slice halfway to the lesion's end."""
    slices = np.flatnonzero(lesion.truth.any((1, 2)))
    above = slices[-1] - lesion.slice > lesion.slice - slices[0]
    return int((lesion.slice + (slices[-1] if above else slices[0])) // 2)


def corrections(mask: np.ndarray, lesion: Lesion):
    """The centre of the largest mistake (the simulated reader R1): voxel and polarity."""
    best = None
    for wrong, polarity in ((lesion.truth & ~mask, client.POSITIVE), (mask & ~lesion.truth, client.NEGATIVE)):
        labels, n = ndimage.label(wrong, np.ones((3, 3, 3)))
        for part in range(1, n + 1):
            size = int((labels == part).sum()) if n < 40 else 0
            if best is None or size > best[0]:
                best = (size, labels == part, polarity)
    if best is None or best[0] == 0:
        return None
    spacing = lesion.image.GetSpacing()[::-1]
    depth = ndimage.distance_transform_edt(np.pad(best[1], 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    return np.unravel_index(depth.argmax(), depth.shape), best[2]


def engine_sheet(server, cases: dict[str, Lesion], engine: str, out: Path) -> None:
    """One engine after 1, 3 and 5 clicks on three lesions."""
    note = "a simulated reader clicks into the middle of the largest mistake; orange: positive, red: negative clicks"
    figure, axes = sheet(len(CLICKS), engine, note, len(cases))
    for row, lesion in zip(axes, cases.values(), strict=True):
        session, clicks = server.session(lesion.file, engine), []
        mask = np.zeros_like(lesion.truth)
        for count in range(1, max(CLICKS) + 1):
            if (found := corrections(mask, lesion)) is not None:
                (k, j, i), polarity = found
                place = client.point(lesion.place(j, i, k))
                mask = session.add(client.prompts.Click(position=place, polarity=polarity))
                clicks.append((k, j, i, polarity))
            if count in CLICKS:
                a = row[CLICKS.index(count)]
                what = f"{lesion.name} ({lesion.modality}), {count} click{'s' * (count > 1)}"
                panel(a, lesion, mask, lesion.slice, f"{what}: Dice {dice(mask, lesion.truth):.2f}")
                for k, j, i, polarity in clicks:
                    colour = drawing.PROMPT if polarity == client.POSITIVE else drawing.PIN
                    here = abs(k - lesion.slice) * lesion.image.GetSpacing()[2] < 2
                    drawing.dots((j, i), color=colour, s=42 if here else 16, alpha=1 if here else 0.6)(a)
        row[0].text(0.02, 0.02, f"slice {lesion.slice}", transform=row[0].transAxes, color=MUTED, path_effects=HALO)
        session.close()
    save(figure, out / "engines" / f"{engine}.png", 68)


def running_out_sheet(server, cases: dict[str, Lesion], out: Path) -> None:
    """A lesion that classical engines run out of, and what a reader can do about it."""
    lesion = cases["breast1"]
    (k, j, i), _ = corrections(np.zeros_like(lesion.truth), lesion)
    click = client.prompts.Click(position=client.point(lesion.place(j, i, k)), polarity=client.POSITIVE)
    box = drawing.box_3d(lesion)
    ways = (
        ("one click", [[click]], {}),
        ("the same, within=8", [[click]], {"within": "8"}),
        ("a box round the lesion", [box.prompts], {}),
        ("click, then the box", [[click], box.prompts], {}),
    )
    note = "warned: the reply said that the mask may have run out of the lesion, and what helps"
    figure, axes = sheet(len(ways), f"Running out of {lesion.name}, and what helps", note, 2)
    for row, engine in zip(axes, ("graph-cut", "iso-contour"), strict=True):
        for a, (name, steps, parameters) in zip(row, ways, strict=True):
            session = server.session(lesion.file, engine, parameters)
            for step in steps:
                mask = session.add(*step)
            said = any("run out" in warning for warning in session.warnings)
            session.close()
            panel(a, lesion, mask, lesion.slice, f"{engine}, {name}: Dice {dice(mask, lesion.truth):.2f}")
            a.text(0.02, 0.02, "warned" if said else "", transform=a.transAxes, color=MUTED, path_effects=HALO)
            if "box" in name:
                box.draw(a)
            if "box round" not in name:
                drawing.dots((j, i), color=drawing.PROMPT, s=42)(a)
    save(figure, out / "engines" / "running-out.png", 68)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesions", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    cases = lesions(arguments.lesions)
    wanted = lambda name: not arguments.only or name in arguments.only  # noqa: E731
    with client.Server(arguments.lesions.resolve()) as server:
        for kind in filter(wanted, KINDS):
            prompt_sheet(server, cases, kind, arguments.out)
        if wanted("polygon-active-contour"):
            border_sheet(server, cases, arguments.out)
        if wanted("vertex-drag"):
            drag_sheet(server, cases, arguments.out)
        if wanted("label-name"):
            name_sheet(arguments.lesions.resolve(), cases["lung2"], arguments.out)
        if wanted("labels"):
            labels_sheet(server, cases["lung2"], arguments.out / "labels.png")
        if wanted("running-out"):
            running_out_sheet(server, cases, arguments.out)
        for engine in filter(wanted, ENGINES):
            engine_sheet(server, cases, engine, arguments.out)


if __name__ == "__main__":
    main()
