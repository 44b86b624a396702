"""Parts of real images that stand out by their grey value, as further things to click on.

``python -m isochrone_training.structures --volumes cache/volumes --out cache/structures`` goes through what
:mod:`volumes` has written, and writes each structure with its surroundings as ``<image>_<n>.npz``, in the format of
:mod:`synth` with ``modality``. Two dozen patients have too few lesions to teach what a click means; vessels, nodes,
organs and bones have borders as real as a lesion's, and nobody needs to outline them.

A structure is a maximally stable extremal region (Matas et al., BMVC 2002) in 3D: a component above (or below) a
threshold whose size hardly changes with the threshold; or a basin of the gradient's watershed that is steeper at its
rim than within. What meets a lesion, or has much of its surface on the volume's faces, is none, nor a sheet or a web.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from .data import Case
from .volumes import Volume, read_volumes

LEVELS = 28  # thresholds
SIGMAS_MM = (1.0, 2.0, 4.0)  # of the gradient
STABLE = 0.7  # a structure's size changes by less than this share from the level below to the one above
SMALLEST_ML, LARGEST_ML = 0.05, 250.0
AROUND_MM = 60.0
THICK = 0.35  # depth of a structure over the radius of a ball of its volume, at least
EACH = 30  # structures of an image at most


def found(values: np.ndarray, voxel_ml: float):
    """Stable components above a threshold: (change of size, component's box, its mask in the box)."""
    few = values[:: max(1, len(values) // 32)]
    even = np.linspace(*np.percentile(few, (10, 99.9)), LEVELS)
    for thresholds in (even, np.percentile(few, 100 - np.geomspace(0.05, 95, LEVELS)[::-1])):
        yield from between(values, thresholds, voxel_ml)


def between(values: np.ndarray, thresholds, voxel_ml: float):
    """The same of given thresholds, rising."""
    window: list = []  # labels and sizes at three levels in turn
    for threshold in thresholds:
        labels, count = ndimage.label(values > threshold)
        window = [*window[-2:], (labels, np.bincount(labels.ravel(), minlength=count + 1))]
        if len(window) < 3:
            continue
        (below, below_sizes), (at, sizes), (above, above_sizes) = window
        kept = np.flatnonzero((sizes * voxel_ml > SMALLEST_ML) & (sizes * voxel_ml < LARGEST_ML) & (sizes >= 27))
        kept = kept[kept > 0]
        if len(kept) == 0:
            continue
        boxes = ndimage.find_objects(at)
        for label in kept:
            box = boxes[label - 1]
            mask = at[box] == label
            inner = above[box][mask]
            top = above_sizes[inner[inner > 0]].max(initial=0)
            change = (below_sizes[below[box][mask][0]] - top) / sizes[label]
            if change < STABLE:
                yield float(change), box, mask


def basins(image: np.ndarray, spacing_mm, sigma_mm: float):
    """Basins of the gradient's watershed, as :func:`found` gives components; the inverse enclosure for the change."""
    scale = np.array(spacing_mm)
    slope = ndimage.gaussian_gradient_magnitude(image, sigma_mm / scale)
    voxel_ml = float(np.prod(scale)) / 1000
    size = tuple(int(n) | 1 for n in np.ceil(4 * sigma_mm / scale))
    markers, _ = ndimage.label(slope == ndimage.minimum_filter(slope, size))
    levels = np.searchsorted(np.quantile(slope, np.linspace(0, 1, 2000)), slope).astype(np.uint16)
    labels = ndimage.watershed_ift(levels, markers.astype(np.int32))
    counts, steep = np.bincount(labels.ravel()), np.quantile(slope, 0.5)
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None or not SMALLEST_ML < counts[label] * voxel_ml < LARGEST_ML or counts[label] < 27:
            continue
        around = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in box)
        mask = labels[around] == label
        core = ndimage.binary_erosion(mask)
        rim = ndimage.binary_dilation(mask) & ~core
        if core.any():
            edge = np.quantile(slope[around][rim], 0.4)
            enclosed = edge / max(float(slope[around][core].mean()), 1e-6)
            if enclosed > 1.0 and edge > steep:
                yield 1 / enclosed, around, mask


def at_border(box, mask: np.ndarray, shape) -> float:
    """Share of a component's six-connected surface that lies on the volume's faces."""
    surface = sum(np.count_nonzero(np.diff(np.pad(mask, 1).astype(np.int8), axis=a)) for a in range(3))
    faces = 0
    for axis, (span, n) in enumerate(zip(box, shape)):
        faces += np.count_nonzero(mask.take(0, axis)) if span.start == 0 else 0
        faces += np.count_nonzero(mask.take(-1, axis)) if span.stop == n else 0
    return faces / max(surface, 1)


def thick(mask: np.ndarray, spacing_mm) -> bool:
    """Whether a component is neither a sheet nor a web."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), spacing_mm).max()
    return depth >= THICK * (0.75 / np.pi * mask.sum() * np.prod(spacing_mm)) ** (1 / 3)


def stands_out(values: np.ndarray, least: float, box, mask: np.ndarray) -> bool:
    """Whether a component differs from a shell of two voxels round it by more than its own noise."""
    around = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in box)
    inside = np.pad(mask, [(s.start - a.start, 2) for s, a in zip(box, around)])
    values = values[around]
    inside = inside[tuple(slice(0, n) for n in values.shape)]
    shell = ndimage.binary_dilation(inside, iterations=2) & ~inside
    return abs(values[inside].mean() - values[shell].mean()) > max(least, values[inside].std())


def overlap(a, b) -> bool:
    """Whether two found components are nearly the same: most of both is shared."""
    (_, box_a, mask_a), (_, box_b, mask_b) = a, b
    low = [max(s.start, t.start) for s, t in zip(box_a, box_b)]
    high = [min(s.stop, t.stop) for s, t in zip(box_a, box_b)]
    if any(x >= y for x, y in zip(low, high)):
        return False
    parts = [
        mask[tuple(slice(x - s.start, y - s.start) for x, y, s in zip(low, high, box))]
        for box, mask in ((box_a, mask_a), (box_b, mask_b))
    ]
    return np.count_nonzero(parts[0] & parts[1]) > 0.6 * max(mask_a.sum(), mask_b.sum())


def structures(case: Case, rng: np.random.Generator) -> list:
    """Up to :data:`EACH` structures of a case, of all sizes alike, the most stable of each size first."""
    voxel_ml = float(np.prod(case.spacing_mm)) / 1000
    smooth = ndimage.gaussian_filter(case.image, 0.6 * min(case.spacing_mm) / np.array(case.spacing_mm))
    lesions, deviation = case.labels > 0, float(smooth.clip(*np.percentile(smooth, (0.5, 99.5))).std())
    candidates = [
        each for sign in (1, -1) for each in found(sign * smooth, voxel_ml)
        if stands_out(smooth, 0.1 * deviation, *each[1:])
    ]
    for sigma_mm in SIGMAS_MM:
        candidates += basins(case.image, case.spacing_mm, max(sigma_mm, 0.5 * min(case.spacing_mm)))
    every = [
        each for each in candidates
        if not lesions[each[1]][each[2]].any() and at_border(*each[1:], case.image.shape) < 0.15
        and thick(each[2], case.spacing_mm)
    ]
    every.sort(key=lambda e: e[0])
    bins: dict[int, list] = {}
    for each in every:
        size = int(np.floor(2 * np.log10(each[2].sum() * voxel_ml)))  # half decades
        same = bins.setdefault(size, [])
        if len(same) < EACH // 4 and not any(overlap(each, other) for b in bins.values() for other in b):
            same.append(each)
    chosen = [each for same in bins.values() for each in same]
    return [chosen[n] for n in rng.permutation(len(chosen))[:EACH]]


def save(case: Case, box, mask: np.ndarray, path: Path) -> None:
    """A structure and its surroundings, whole or not at all."""
    margin = np.ceil(AROUND_MM / np.array(case.spacing_mm)).astype(int)
    around = tuple(slice(max(0, s.start - m), min(n, s.stop + m)) for s, m, n in zip(box, margin, case.image.shape))
    labels = np.zeros(case.image.shape, np.uint8)
    labels[box][ndimage.binary_fill_holes(mask)] = 1
    part = path.with_suffix(".part.npz")
    np.savez(part, image=case.image[around].astype(np.float16), mask=labels[around], spacing=case.spacing_mm,
             modality=case.modality)
    part.rename(path)


def case_of(v: Volume) -> Case:
    """A volume's first image and its annotated voxels."""
    labels = np.zeros(v.image.shape[1:], np.uint8) if v.planes is None else (v.planes[0] > 0).astype(np.uint8)
    return Case(v.name, v.modalities[0], np.asarray(v.image[0], np.float32), labels, v.spacing_mm)


def main() -> None:
    """Command line; what a whole run on the same volumes has written is kept."""
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volumes", type=Path, default=here / "cache" / "volumes")
    parser.add_argument("--out", type=Path, default=here / "cache" / "structures")
    parser.add_argument("--seed", type=int, default=20261130)
    args = parser.parse_args()
    made_of, done = (args.volumes / "made_of.json").read_text(), args.out / "made_of.json"
    if done.exists() and done.read_text() == made_of:
        return
    args.out.mkdir(parents=True, exist_ok=True)
    for left in [*args.out.glob("*.npz"), *args.out.glob("made_of*")]:
        left.unlink()
    volumes = read_volumes(args.volumes)
    for number, v in enumerate(volumes):
        case = case_of(v)
        chosen = structures(case, np.random.default_rng([args.seed, number]))
        for n, (_, box, mask) in enumerate(chosen):
            save(case, box, mask, args.out / f"{case.name}_{n:02d}.npz")
        sizes = sorted(m.sum() * np.prod(case.spacing_mm) / 1000 for _, _, m in chosen)
        span = f" of {sizes[0]:.2g} to {sizes[-1]:.3g} mL" if sizes else ""
        print(f"{number + 1} of {len(volumes)}  {case.name}: {len(chosen)} structures{span}", flush=True)
    done.write_text(made_of)


if __name__ == "__main__":
    main()
