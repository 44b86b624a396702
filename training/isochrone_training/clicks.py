"""The simulated reader: a first click in the lesion, then clicks on the largest errors."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .kernels import centre_click, distance_transform
from .synth import noise

UNIT = (1.0, 1.0, 1.0)
NEIGHBOURS = np.ones((3, 3, 3), bool)


def first_click(rng, truth: np.ndarray, spacing_mm, box) -> np.ndarray:
    """A voxel ``[k, j, i]`` in a lesion: its centre half of the time, else anywhere but the rim."""
    part = truth[box]
    origin = np.array([s.start for s in box])
    if rng.random() < 0.5:
        at, _ = centre_click(np.zeros_like(part), part, spacing_mm)
        return origin + at
    return origin + deep_voxel(rng, part, spacing_mm)


def deep_voxel(rng, mask: np.ndarray, spacing_mm=UNIT) -> np.ndarray:
    """A random voxel of a mask, with probability in proportion to its depth."""
    depth = distance_transform(np.pad(mask, 1), spacing_mm)[1:-1, 1:-1, 1:-1]
    total = np.cumsum(depth.ravel(), dtype=np.float64)
    return np.array(np.unravel_index(np.searchsorted(total, rng.random() * total[-1]), mask.shape))


def next_click(rng, prediction: np.ndarray, truth: np.ndarray):
    """The centre of the largest error; a fifth of the time a deep voxel of any error instead."""
    if rng.random() < 0.2:
        error = prediction != truth
        if error.sum() > 4:
            at = tuple(int(v) for v in deep_voxel(rng, error))
            return at, bool(truth[at])
    found = centre_click(prediction, truth, UNIT)
    if found is None:
        return None
    at, positive = found
    return tuple(int(v) for v in at), bool(positive)


def clicked_component(prediction: np.ndarray, clicks: list) -> np.ndarray:
    """The components of a prediction that hold a positive click; all of it if none does."""
    labels, _ = ndimage.label(prediction, NEIGHBOURS)
    side = np.array(prediction.shape) - 1
    touched = {
        int(labels[tuple(np.clip(np.rint(at).astype(int), 0, side))]) for at, sign in clicks if sign
    } - {0}
    return np.isin(labels, sorted(touched)) if touched else prediction


def disturbed(rng, truth: np.ndarray) -> np.ndarray:
    """A plausible wrong mask: shrunken, swollen, cut off, or with a leak."""
    blurred = ndimage.gaussian_filter(truth.astype(np.float32), rng.uniform(1, 4))
    wrong = blurred + rng.uniform(0, 0.35) * noise(rng, rng.uniform(4, 12), truth.shape[0]) > rng.uniform(0.2, 0.75)
    at = np.indices(truth.shape).reshape(3, -1)
    if rng.random() < 0.4 and truth.any():  # a part is missing
        normal = rng.standard_normal(3)
        along = (normal @ at).reshape(truth.shape)
        wrong &= along < np.quantile(along[truth], rng.uniform(0.35, 0.9))
    if rng.random() < 0.3 and truth.any():  # a leak: a ball across the border
        centre = deep_voxel(rng, ndimage.binary_dilation(truth, iterations=4))
        distance = ((at - centre[:, None]) ** 2).sum(0).reshape(truth.shape)
        wrong |= distance < rng.uniform(4, 12) ** 2
    return wrong


@dataclass
class Clicks:
    """Clicks ``[((k, j, i), positive), …]`` in region voxels, and the mask that they correct."""

    clicks: list
    previous: np.ndarray | None

    @classmethod
    def begin(cls, rng, truth: np.ndarray, at, share: dict) -> "Clicks":
        """From a given first click, or from one in the visible lesion, or from a wrong mask."""
        side = np.array(truth.shape) - 1
        if at is not None:
            return cls([(tuple(np.clip(at, 0, side)), True)], None)
        first = [(tuple(float(v) for v in deep_voxel(rng, truth)), True)]
        if rng.random() >= share["disturbed_mask_share"]:
            return cls(first, None)
        previous = disturbed(rng, truth)
        for _ in range(rng.integers(1, 3)):
            click = next_click(rng, previous, truth)
            if click is not None:
                first.append(click)
        return cls(first, previous)

    def refine(self, rng, prediction: np.ndarray, truth: np.ndarray) -> None:
        """Takes a prediction as the new previous mask and clicks on its largest error."""
        self.previous = clicked_component(prediction, self.clicks)
        click = next_click(rng, self.previous, truth)
        if click is not None:
            self.clicks.append(click)
