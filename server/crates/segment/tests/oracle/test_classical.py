"""The classical kernels against PyMaxflow and scikit-image, on seeded synthetic images."""

import itertools

import isochrone
import numpy as np
import pytest
from skimage.segmentation import (
    flood,
    inverse_gaussian_gradient,
    morphological_geodesic_active_contour,
    morphsnakes,
)

maxflow = pytest.importorskip("maxflow")
SHAPE = (40, 48, 70)


@pytest.fixture(scope="module", params=[1, 2, 3])
def image(request):
    random = np.random.default_rng(request.param)
    k, j, i = np.indices(SHAPE)
    made = random.normal(0, 0.3, SHAPE)
    for _ in range(4):
        centre = [random.uniform(0.2 * n, 0.8 * n) for n in SHAPE]
        squared = sum((x - c) ** 2 for x, c in zip((k, j, i), centre, strict=True))
        made += random.uniform(2, 6) * (squared < random.uniform(5, 14) ** 2)
    return made.astype(np.float32)


def offsets(neighbours):
    forward = [o for o in itertools.product((-1, 0, 1), repeat=3) if o > (0, 0, 0)]
    return [o for o in forward if neighbours == 26 or sum(map(abs, o)) == 1]


def pairs(image, offset):
    here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, image.shape, strict=True))
    there = tuple(slice(max(0, o), n - max(0, -o)) for o, n in zip(offset, image.shape, strict=True))
    return here, there


def weights(image, spacing, sigma, offset):
    here, there = pairs(image, offset)
    difference = image[here].astype(float) - image[there]
    return np.exp(-(difference**2) / (2 * sigma**2)) / np.linalg.norm(np.multiply(offset, spacing)), here, there


def energy(mask, image, unary, spacing, sigma, neighbours):
    cost = np.maximum(unary, 0)[~mask].sum() + np.maximum(-unary, 0)[mask].sum()
    for offset in offsets(neighbours):
        weight, here, there = weights(image, spacing, sigma, offset)
        cost += weight[mask[here] != mask[there]].sum()
    return cost


def peer_cut(image, unary, spacing, sigma, neighbours):
    graph = maxflow.Graph[float]()
    nodes = graph.add_grid_nodes(image.shape)
    for offset in offsets(neighbours):
        weight, here, _ = weights(image, spacing, sigma, offset)
        full = np.zeros(image.shape)
        full[here] = weight
        structure = np.zeros((3, 3, 3))
        structure[tuple(1 + o for o in offset)] = 1
        graph.add_grid_edges(nodes, full, structure, symmetric=True)
    graph.add_grid_tedges(nodes, np.maximum(unary, 0), np.maximum(-unary, 0))
    graph.maxflow()
    return ~graph.get_grid_segments(nodes)


@pytest.mark.parametrize("neighbours", [6, 26])
@pytest.mark.parametrize("regional", [0.0, 0.1, 1.0])
def test_graph_cut_energy_is_pymaxflows(image, neighbours, regional):
    # Capacities are integers: with a σ at which edges cost nothing at all, 1e-6 of nothing is out of reach.
    spacing, sigma = (3.0, 1.0, 0.8), 1.5
    unary = (regional * (image - 1.5)).astype(np.float64)
    unary[20:22, 20:22, 30:33] = 1e3
    unary[0] = unary[-1] = -1e3
    ours = isochrone.graph_cut(image, unary, spacing, sigma, neighbours=neighbours)
    peer = peer_cut(image, unary, spacing, sigma, neighbours)
    a, b = (energy(m, image, unary, spacing, sigma, neighbours) for m in (ours, peer))
    assert abs(a - b) <= 1e-6 * b


@pytest.mark.parametrize("rule", [("of_maximum", 0.41), ("of_maximum", 0.7), ("fixed", 2.0), ("adaptive", 0.41)])
def test_iso_contour_is_the_flood(image, rule):
    click = np.unravel_index(image.argmax(), image.shape)
    mask, threshold = isochrone.iso_contour(image, tuple(map(int, click)), (4.0, 3.0, 2.0), rule)
    assert mask.any()
    assert np.array_equal(mask, flood(image >= np.float32(threshold), click))


@pytest.mark.parametrize("balloon, smoothing, radius", [(1, 1, 6), (0, 2, 10), (-1, 1, 18), (1, 3, 8)])
def test_active_contour_is_scikit_images(image, balloon, smoothing, radius):
    # Their smoothing operator remembers, from call to call, whose turn it is.
    turns = [
        lambda u: morphsnakes.sup_inf(morphsnakes.inf_sup(u)),
        lambda u: morphsnakes.inf_sup(morphsnakes.sup_inf(u)),
    ]
    morphsnakes._curvop.funcs = itertools.cycle(turns)
    start = sum((x - n / 2) ** 2 for x, n in zip(np.indices(SHAPE), SHAPE, strict=True)) < radius**2
    edges = isochrone.inverse_gaussian_gradient(image, 10.0, 1.5)
    assert np.abs(edges - inverse_gaussian_gradient(image.astype(float), 10.0, 1.5)).max() < 1e-4
    options = {"iterations": 15, "smoothing": smoothing, "balloon": balloon, "threshold": None}
    ours = isochrone.morphological_geodesic_active_contour(edges, start, options)
    wide = edges.astype(float)
    peer = morphological_geodesic_active_contour(wide, 15, start, smoothing=smoothing, balloon=balloon) > 0
    assert 2 * (ours & peer).sum() >= 0.999 * (ours.sum() + peer.sum())
