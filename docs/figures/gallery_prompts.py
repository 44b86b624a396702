"""One prompt of every kind for a lesion: what is sent, and how it is drawn on the slice."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import gallery_client as client
import numpy as np
from gallery_cases import Lesion
from scipy import ndimage

PROMPT, PIN = "#ffb454", "#ff5c7a"


@dataclass
class Drawn:
    """A prompt, and what draws it on axes whose unit is the pixel."""

    prompts: list
    draw: Callable
    note: str


def dots(points, **style) -> Callable:
    """Draws points (j, i)."""
    points = np.atleast_2d(points)
    style = {"marker": "o", "s": 42, "color": PROMPT, "edgecolors": "black", "linewidths": 0.8, "zorder": 5, **style}
    return lambda axes: axes.scatter(points[:, 1], points[:, 0], **style)


def curve(points, closed: bool = True, **style) -> Callable:
    """Draws a line through points (j, i)."""
    points = np.asarray(points)
    if closed:
        points = np.vstack([points, points[:1]])
    style = {"color": PROMPT, "linewidth": 1.8, "zorder": 4, **style}
    return lambda axes: axes.plot(points[:, 1], points[:, 0], **style)


def both(*parts: Callable) -> Callable:
    """Draws one after the other."""
    return lambda axes: [part(axes) for part in parts]


def plane(lesion: Lesion):
    """The lesion's slice."""
    corner = lesion.place(0, 0)
    along = [lesion.place(0, 1) - corner, lesion.place(1, 0) - corner]
    return client.geometry.Plane(origin=client.point(corner), u=client.point(along[0]), v=client.point(along[1]))


def places(lesion: Lesion, points) -> list:
    """Points (j, i) of the slice as the wire has them."""
    return [client.point(lesion.place(*p)) for p in points]


def click(lesion: Lesion) -> Drawn:
    at = lesion.middle()
    sent = client.prompts.Click(position=client.point(lesion.place(*at)), polarity=client.POSITIVE)
    return Drawn([sent], dots(at), "one click in the middle")


def scribble(lesion: Lesion) -> Drawn:
    ends = lesion.long_axis(0.65)
    sent = client.prompts.Scribble(
        points=places(lesion, ends), radius_mm=1.5, plane=plane(lesion), polarity=client.POSITIVE
    )
    return Drawn([sent], curve(ends, closed=False, linewidth=5, alpha=0.9), "a stroke with a brush of 3 mm")


def rectangle(lesion: Lesion, margin_mm: float) -> tuple[np.ndarray, np.ndarray]:
    points = np.argwhere(lesion.on_slice)
    margin = margin_mm / np.array(lesion.spacing)
    return points.min(0) - margin, points.max(0) + margin


def box_2d(lesion: Lesion) -> Drawn:
    low, high = rectangle(lesion, 3)
    corner, opposite = places(lesion, [low, high])
    sent = client.prompts.Box2D(corner=corner, opposite=opposite, plane=plane(lesion), polarity=client.POSITIVE)
    return Drawn([sent], curve([low, (low[0], high[1]), high, (high[0], low[1])]), "a rectangle on this slice")


def box_3d(lesion: Lesion) -> Drawn:
    low, high = rectangle(lesion, 3)
    slices = np.flatnonzero(lesion.truth.any((1, 2)))
    corner, opposite = lesion.place(*low, slices[0] - 1), lesion.place(*high, slices[-1] + 1)
    sent = client.prompts.Box3D(
        corner=client.point(corner),
        opposite=client.point(opposite),
        axes=client.prompts.BOX_AXES_GRID,
        polarity=client.POSITIVE,
    )
    lines = curve([low, (low[0], high[1]), high, (high[0], low[1])], linestyle="--")
    return Drawn([sent], lines, f"a box in space, {len(slices) + 2} slices high")


def extreme_points(lesion: Lesion) -> Drawn:
    voxels = np.argwhere(lesion.truth)
    ends = [voxels[f(voxels[:, axis])] for axis in range(3) for f in (np.argmin, np.argmax)]
    sent = client.prompts.ExtremePoints(
        points=[client.point(lesion.place(j, i, k)) for k, j, i in ends], axes=client.prompts.BOX_AXES_GRID
    )
    flat = np.array([(j, i) for _, j, i in ends])
    return Drawn([sent], both(dots(flat[2:]), dots(flat[:2], marker="X")), "six ends; crosses: top, bottom")


def lasso(lesion: Lesion) -> Drawn:
    line = lesion.outline(3.0)
    wobble = 0.8 * np.sin(np.linspace(0, 9 * np.pi, len(line)))[:, None] / np.array(lesion.spacing)
    line = line + wobble * [1, -1]
    sent = client.prompts.Lasso(points=places(lesion, line), plane=plane(lesion), polarity=client.POSITIVE)
    return Drawn([sent], curve(line), "a loose curve round it")


def vertices(lesion: Lesion, wider_mm: float, n: int) -> np.ndarray:
    line = lesion.outline(wider_mm, 0.2)
    return line[np.linspace(0, len(line), n, endpoint=False).astype(int)]


def polygon(lesion: Lesion) -> Drawn:
    corners = vertices(lesion, 0.0, 14)
    sent = client.prompts.Polygon(vertices=places(lesion, corners), plane=plane(lesion), polarity=client.POSITIVE)
    return Drawn([sent], both(curve(corners), dots(corners, s=22)), "its border, vertex by vertex")


def dragged(lesion: Lesion, pull_mm: float) -> Drawn:
    """Drawn by eye, 2.5 mm too wide, one vertex pulled outwards."""
    corners = vertices(lesion, 2.5, 14)
    away = (corners[3] - corners.mean(0)) * lesion.spacing
    corners[3] += pull_mm * away / np.linalg.norm(away) / lesion.spacing
    sent = client.prompts.Polygon(
        vertices=places(lesion, corners), plane=plane(lesion), polarity=client.POSITIVE, pinned=[3]
    )
    drawn = both(curve(corners, linestyle="--"), dots(corners, s=18), dots(corners[3], s=70, color=PIN))
    return Drawn([sent], drawn, "drawn too wide; red: a dragged vertex")


def mask_prompt(mask: np.ndarray):
    """A mask [k, j, i] to start from."""
    k, j, i = (np.flatnonzero(mask.any(axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    cut = mask[k[0] : k[-1] + 1, j[0] : j[-1] + 1, i[0] : i[-1] + 1]
    voxel = client.geometry.Voxel
    box = client.geometry.VoxelBox(
        min=voxel(i=int(i[0]), j=int(j[0]), k=int(k[0])),
        max=voxel(i=int(i[-1]) + 1, j=int(j[-1]) + 1, k=int(k[-1]) + 1),
    )
    bits = zlib.compress(np.packbits(cut.ravel(), bitorder="little").tobytes())
    return client.prompts.InitialMask(box=box, zlib_bits=bits)


def initial_mask(lesion: Lesion) -> Drawn:
    mask = ndimage.shift(lesion.truth.astype(float), (0, 2, 3), order=0) > 0.5
    shape = mask[lesion.slice].astype(float)
    draw = lambda axes: axes.contour(shape, levels=[0.5], colors=[PROMPT], linewidths=1.8, linestyles="--")  # noqa: E731
    return Drawn([mask_prompt(mask)], draw, "a mask made elsewhere, shifted")


def gaze(lesion: Lesion) -> Drawn:
    random = np.random.default_rng(4)
    ends = lesion.long_axis(0.5)
    looks = np.concatenate([np.repeat(p[None], 30, 0) for p in (ends[0], ends.mean(0), ends[1])])
    seen = looks + random.normal(0, 1.0, looks.shape) / lesion.spacing
    samples = [
        client.prompts.GazeSample(time_ms=1000 / 60 * n, position=client.point(lesion.place(*p)))
        for n, p in enumerate(seen)
    ]
    sent = client.prompts.Gaze(samples=samples, plane=plane(lesion), dispersion_mm=8, polarity=client.POSITIVE)
    return Drawn([sent], dots(seen, s=9, linewidths=0.3), "three rests of the eyes")
