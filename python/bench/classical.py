"""Medians of the classical kernels against PyMaxflow and scikit-image, in one process.

    .venv/bin/python python/bench/classical.py [--repeats 3] [--size 128] [--only graph-cut …]

Images: the lesions of `make lesions` if they are there (resampled to 1 mm), else a synthetic one.
Wall-clock times; the graph's construction counts on both sides, as both start from arrays.
"""

import argparse
import itertools
import os
import pathlib
import statistics
import time

import isochrone
import maxflow
import numpy as np
from skimage.segmentation import flood, morphological_geodesic_active_contour, morphsnakes

REPO = pathlib.Path(__file__).resolve().parents[2]
LESIONS = REPO / "build/lesions"
WHOLE_BODY = pathlib.Path(os.environ.get("ISOCHRONE_DATA", REPO.parent / "shared/data")) / "dicom/sts001_fdg_pet/dicom"


def images(size):
    """Name and image [k, j, i] of 1 mm round a lesion, in standard deviations."""
    for path in sorted(LESIONS.glob("*_image.nrrd")):
        import SimpleITK as sitk

        image = sitk.ReadImage(str(path))
        label = sitk.GetArrayFromImage(sitk.ReadImage(str(path).replace("_image", "_label"))) > 0
        centre = tuple(float(x.mean()) for x in np.nonzero(label))
        values = sitk.GetArrayFromImage(image).astype(np.float32)
        cut = isochrone.resample_region(values, image.GetSpacing()[::-1], centre, (size,) * 3, 1.0, float(values.min()))
        yield path.name.split("_")[0], ((cut - cut.mean()) / cut.std()).astype(np.float32)
    random = np.random.default_rng(1)
    balls = sum(random.uniform(2, 5) * (distance(size, random.uniform(20, size - 20, 3)) < 12) for _ in range(8))
    yield "synthetic", (balls + random.normal(0, 0.3, (size,) * 3)).astype(np.float32)


def distance(size, centre):
    return np.sqrt(sum((x - c) ** 2 for x, c in zip(np.indices((size,) * 3), centre, strict=True)))


def median(repeats, run):
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def links(image, sigma):
    for axis in range(3):
        weight = np.zeros(image.shape)
        here = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        weight[here] = np.exp(-(np.diff(image.astype(float), axis=axis) ** 2) / (2 * sigma**2))
        yield axis, weight


def peer_cut(image, unary, sigma):
    graph = maxflow.Graph[float](image.size, 3 * image.size)
    nodes = graph.add_grid_nodes(image.shape)
    for axis, weight in links(image, sigma):
        structure = np.zeros((3, 3, 3))
        structure[tuple(1 + (a == axis) for a in range(3))] = 1
        graph.add_grid_edges(nodes, weight, structure, symmetric=True)
    graph.add_grid_tedges(nodes, np.maximum(unary, 0), np.maximum(-unary, 0))
    graph.maxflow()
    return ~graph.get_grid_segments(nodes)


def energy(mask, image, unary, sigma):
    cost = np.maximum(unary, 0)[~mask].sum() + np.maximum(-unary, 0)[mask].sum()
    for axis, weight in links(image, sigma):
        here = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        cost += weight[here][np.diff(mask.astype(np.int8), axis=axis) != 0].sum()
    return cost


def graph_cut(name, image, repeats):
    size = image.shape[0]
    r = distance(size, [size / 2] * 3)
    sigma = float(np.diff(image, axis=0).std())
    inside, outside = image[r < 5], image[r > size / 4]
    log = lambda v: -0.5 * ((image - v.mean()) / (v.std() + 0.2)) ** 2 - np.log(v.std() + 0.2)  # noqa: E731
    regional = np.clip(0.1 * (log(inside) - log(outside)), -3, 3).astype(float)
    for what, unary in (("regional", regional), ("seeds only", np.zeros_like(regional))):
        unary = unary.copy()
        unary[r < 4], unary[r > 0.47 * size] = 1e3, -1e3
        ours, a = median(repeats, lambda u=unary: isochrone.graph_cut(image, u, (1.0, 1.0, 1.0), sigma))
        peer, b = median(1, lambda u=unary: peer_cut(image, u, sigma))
        a, b = (energy(m, image, unary, sigma) for m in (a, b))
        report(f"graph cut, {name}, {what}", ours, "PyMaxflow", peer, f"energy {abs(a - b) / max(b, 1e-12):.1e} apart")


def active_contour(name, image, repeats):
    image = image[16:-16, 16:-16, 16:-16] if image.shape[0] > 96 else image
    size = image.shape[0]
    edges = isochrone.inverse_gaussian_gradient(image, 100.0, 2.0)
    start = distance(size, [size / 2] * 3) < 10
    options = {"iterations": 20, "smoothing": 1, "balloon": 1.0, "threshold": None}
    ours, a = median(repeats, lambda: isochrone.morphological_geodesic_active_contour(edges, start, options))
    turns = [
        lambda u: morphsnakes.sup_inf(morphsnakes.inf_sup(u)),
        lambda u: morphsnakes.inf_sup(morphsnakes.sup_inf(u)),
    ]
    morphsnakes._curvop.funcs = itertools.cycle(turns)
    wide = edges.astype(float)
    peer, b = median(1, lambda: morphological_geodesic_active_contour(wide, 20, start, balloon=1) > 0)
    dice = 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)
    report(f"active contour, {name}, {size} cubed", ours, "scikit-image", peer, f"Dice {dice:.4f}")


def whole_bodies():
    """Name, image [k, j, i] and spacing: the PET series of a training patient if it is there, and a made one."""
    if WHOLE_BODY.is_dir():
        import SimpleITK as sitk

        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(WHOLE_BODY)))
        image = reader.Execute()
        yield "real PET", sitk.GetArrayFromImage(image).astype(np.float32), image.GetSpacing()[::-1]
    random = np.random.default_rng(2)
    image = random.gamma(2.0, 0.3, (326, 400, 400)).astype(np.float32)
    k, j, i = np.indices((40, 40, 40)) - 20
    for centre in ((60, 190, 190), (150, 200, 160), (240, 196, 196)):
        at = tuple(slice(c - 20, c + 20) for c in centre)
        image[at] += 12 * np.exp(-(k**2 + j**2 + i**2) / 72)
    yield "made PET", image, (3.0, 2.0, 2.0)


def hot_spots(image):
    """The three hottest places that lie apart, (k, j, i)."""
    rest = image.copy()
    for _ in range(3):
        at = np.unravel_index(rest.argmax(), rest.shape)
        yield tuple(int(v) for v in at)
        rest[tuple(slice(max(0, c - 25), c + 25) for c in at)] = rest.min()


def iso_contour(repeats):
    for name, image, spacing in whole_bodies():
        shape = "x".join(str(n) for n in image.shape[::-1])
        for number, click in enumerate(hot_spots(image), 1):
            for rule in (("of_maximum", 0.41), ("adaptive", 0.41)):
                run = lambda r=rule, c=click, x=image, s=spacing: isochrone.iso_contour(x, c, s, r)  # noqa: E731
                ours, (mask, threshold) = median(repeats, run)
                peer, other = median(1, lambda t=threshold, c=click, x=image: flood(x >= np.float32(t), c))
                what = f"iso-contour, {name} {shape}, {rule[0]}, spot {number}"
                report(what, ours, "scikit-image flood", peer, f"{(mask != other).sum()} of {mask.sum()} voxels differ")


def snake(name, image, repeats):
    """A circle 3 voxels too wide on the middle slice, with scikit-image's settings of its example."""
    from skimage.filters import gaussian
    from skimage.segmentation import active_contour as peer_snake

    slice_ = np.ascontiguousarray(image[image.shape[0] // 2])
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    start = image.shape[1] / 2 + 15 * np.stack([np.sin(t), np.cos(t)], 1)
    ours, _ = median(repeats, lambda: isochrone.active_curve(slice_, start.tolist(), (1.0, 1.0)))
    smooth = gaussian(slice_, 2.0)
    peer, _ = median(1, lambda: peer_snake(smooth, start, alpha=0.015, beta=1.0, gamma=0.01, w_edge=5.0))
    report(f"snake on a slice, {name}", ours, "scikit-image", peer, "200 points, until rest")


def report(what, ours, peer, theirs, note):
    times = f"{ours * 1e3:8.1f} ms   {peer} {theirs * 1e3:8.0f} ms   {theirs / ours:6.1f} times"
    print(f"{what:62} {times}   {note}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--only", nargs="+", default=["iso-contour", "active-contour", "snake", "graph-cut"])
    arguments = parser.parse_args()
    if "iso-contour" in arguments.only:
        iso_contour(arguments.repeats)
    kernels = {"active-contour": active_contour, "snake": snake, "graph-cut": graph_cut}
    for name, image in images(arguments.size):
        for kernel in filter(arguments.only.__contains__, kernels):
            kernels[kernel](name, image, arguments.repeats)


if __name__ == "__main__":
    main()
