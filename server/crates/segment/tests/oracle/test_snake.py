"""The snake on one slice against edges that are known, scikit-image's, and experts' outlines."""

from pathlib import Path

import isochrone
import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import polygon2mask
from skimage.filters import gaussian
from skimage.measure import approximate_polygon, find_contours
from skimage.segmentation import active_contour

LESIONS = Path(__file__).parents[5] / "build/lesions"
AXES = np.array([22.0, 30.0])
CENTRE = np.array([48.0, 50.0])


def ellipse(wider: float, n: int = 100) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return CENTRE + np.stack([(AXES[0] + wider) * np.sin(t), (AXES[1] + wider) * np.cos(t)], 1)


def picture(noise: float) -> np.ndarray:
    """The ellipse with partial voxels, and noise in units of its contrast."""
    fine = (np.indices((384, 400)) + 0.5).transpose(1, 2, 0) / 4 - 0.5
    inside = ((((fine - CENTRE) / AXES) ** 2).sum(-1) < 1).reshape(96, 4, 100, 4).mean((1, 3))
    return (inside + np.random.default_rng(3).normal(0, noise, inside.shape)).astype(np.float32)


def off(curve, reference) -> float:
    """Root mean square distance of points to a closed curve, in voxels."""
    dense = np.concatenate([np.linspace(a, b, 20) for a, b in zip(reference, np.roll(reference, -1, 0), strict=True)])
    nearest = np.linalg.norm(np.asarray(curve)[:, None] - dense[None], axis=2).min(1)
    return float(np.sqrt((nearest**2).mean()))


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("wider", [3.0, -3.0])
def test_rests_where_the_edge_is_and_scikit_images_snake_does(noise, wider):
    image, start = picture(noise), ellipse(wider)
    ours = isochrone.active_curve(image, start.tolist(), (1.0, 1.0))
    peer = active_contour(gaussian(image, 2.0), start, alpha=0.015, beta=1.0, gamma=0.01, w_edge=5.0)
    edge = ellipse(0.0, 400)
    print(f"noise {noise}, start {wider:+}: ours {off(ours, edge):.3f}, scikit-image {off(peer, edge):.3f} voxels")
    assert off(ours, edge) < 0.5
    assert off(ours, edge) <= off(peer, edge) + 0.05
    assert off(ours, peer) < 2.0


def strength(values: np.ndarray, spacing, curve) -> float:
    """Mean magnitude of the Gaussian gradient along a curve."""
    smooth = [ndimage.gaussian_filter(values, max(spacing) / np.array(spacing), order=o) for o in ((1, 0), (0, 1))]
    gradient = np.hypot(smooth[0] / spacing[0], smooth[1] / spacing[1])
    return float(ndimage.map_coordinates(gradient, np.asarray(curve).T, order=1).mean())


# What an outline drawn 2.5 mm too wide has to gain in Dice. The strongest edge of brain1 is the rim that takes up
# contrast; the experts drew round more than that.
@pytest.mark.parametrize("name, gain", [("breast1", 0.03), ("lung2", 0.01), ("brain1", -0.05)])
def test_an_outline_drawn_too_wide_slides_to_the_edge(name, gain):
    if not (LESIONS / f"{name}_image.nrrd").is_file():
        pytest.skip("no lesions in build/lesions: run `make lesions`")
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(LESIONS / f"{name}_image.nrrd"))
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(LESIONS / f"{name}_label.nrrd"))) > 0
    k = int(truth.sum((1, 2)).argmax())
    labels, n = ndimage.label(truth[k])
    truth = labels == 1 + int(np.argmax(ndimage.sum_labels(truth[k], labels, range(1, n + 1))))
    spacing = (image.GetSpacing()[1], image.GetSpacing()[0])
    wider = ndimage.distance_transform_edt(~truth, sampling=spacing)
    start = approximate_polygon(max(find_contours(wider, 2.5), key=len), 0.5)[:-1]
    values = sitk.GetArrayFromImage(image)[k].astype(np.float32)
    ours = isochrone.active_curve(values, start.tolist(), spacing, sigma=max(spacing))
    dice = lambda m: 2 * (m & truth).sum() / (m.sum() + truth.sum())  # noqa: E731
    before, after = (dice(polygon2mask(truth.shape, np.asarray(c))) for c in (start, ours))
    edge = [strength(values, spacing, c) for c in (start, ours)]
    print(f"{name}: Dice {before:.3f} as drawn, {after:.3f} at rest; edge {edge[0]:.1f}, {edge[1]:.1f}")
    assert edge[1] > 1.3 * edge[0]
    assert after > before + gain
