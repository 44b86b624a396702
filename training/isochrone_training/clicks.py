"""The simulated reader: a first prompt in the lesion, then prompts on errors, as readers differ."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from . import prompts
from .kernels import centre_click, distance_transform
from .synth import noise

UNIT = (1.0, 1.0, 1.0)
NEIGHBOURS = np.ones((3, 3, 3), bool)
# How often a reader corrects in which way.
HABITS = {
    "centre": 0.5, "deep": 0.12, "uniform": 0.06, "boundary": 0.06, "perturbed": 0.1, "long_axis": 0.04,
    "uncertain": 0.04, "wrong_side": 0.02, "scribble": 0.06,
}


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


def of_error(rng, habit: str, error: np.ndarray, centre, logit) -> np.ndarray:
    """One voxel of an error (a mask that is not empty), by the reader's habit."""
    places = np.argwhere(error)
    if habit == "deep":
        return deep_voxel(rng, error)
    if habit == "boundary":
        places = np.argwhere(error & ~ndimage.binary_erosion(error))
    elif habit in ("perturbed", "wrong_side"):
        near = centre + rng.normal(0, 2, (1, 3))
        if habit == "wrong_side":
            places = np.argwhere(ndimage.binary_dilation(error, NEIGHBOURS) & ~error)
            near = places[rng.integers(len(places))][None]
        return places[((places - near) ** 2).sum(1).argmin()]
    elif habit == "long_axis":
        along = (places - places.mean(0)) @ np.linalg.eigh(np.cov(places.T) + 1e-6 * np.eye(3))[1][:, 2]
        return places[np.abs(along - np.quantile(along, rng.choice([0.25, 0.75]))).argmin()]
    elif habit == "uncertain" and logit is not None:
        return places[np.abs(logit[tuple(places.T)]).argmin()]
    return places[rng.integers(len(places))]


def next_prompt(rng, prediction: np.ndarray, truth: np.ndarray, logit=None) -> tuple[list, bool] | None:
    """Voxels of the reader's next prompt and their sign; None where nothing is wrong."""
    found = centre_click(prediction, truth, UNIT)
    if found is None:
        return None
    centre, positive = np.array(found[0]), bool(found[1])
    habit = rng.choice(list(HABITS), p=list(HABITS.values()))
    if habit == "centre":
        return [tuple(int(v) for v in centre)], positive
    error = prediction != truth
    if habit == "deep":  # any error, of either kind
        at = of_error(rng, habit, error, centre, logit)
        return [tuple(int(v) for v in at)], bool(truth[tuple(at)])
    labels, _ = ndimage.label(error & (truth == positive), NEIGHBOURS)
    error = labels == labels[tuple(centre)]
    if error.sum() < 8:
        return [tuple(int(v) for v in centre)], positive
    if habit == "scribble":
        return prompts.scribble(rng, error), positive
    return [tuple(int(v) for v in of_error(rng, habit, error, centre, logit))], positive


def clicked_component(prediction: np.ndarray, clicks: list) -> np.ndarray:
    """The components of a prediction that hold a positive click; all of it if none does."""
    labels, _ = ndimage.label(prediction, NEIGHBOURS)
    side = np.array(prediction.shape) - 1
    touched = {
        int(labels[tuple(np.clip(np.rint(at).astype(int), 0, side))]) for at, sign in clicks if sign
    } - {0}
    return np.isin(labels, sorted(touched)) if touched else prediction


def disturbed(rng, truth: np.ndarray) -> np.ndarray:
    """A plausible wrong mask: shrunken, swollen, cut off, or with a leak; now and then nearly right."""
    blurred = ndimage.gaussian_filter(truth.astype(np.float32), rng.uniform(0.7, 3.5))
    rough = rng.uniform(0, 0.45) * noise(rng, rng.uniform(4, 14), truth.shape[0])
    wrong = blurred + rough > rng.uniform(0.25, 0.7)
    at = np.indices(truth.shape).reshape(3, -1)
    if rng.random() < 0.3 and truth.any():  # a part is missing
        normal = rng.standard_normal(3)
        along = (normal @ at).reshape(truth.shape)
        wrong &= along < np.quantile(along[truth], rng.uniform(0.35, 0.95))
    if rng.random() < 0.3 and truth.any():  # a leak, or a hole: a ball across the border
        centre = deep_voxel(rng, ndimage.binary_dilation(truth, iterations=4))
        distance = ((at - centre[:, None]) ** 2).sum(0).reshape(truth.shape)
        ball = distance < rng.uniform(3, 12) ** 2
        wrong = wrong | ball if rng.random() < 0.6 else wrong & ~ball
    return wrong


def obeyed(rng, mask: np.ndarray, truth: np.ndarray, count: int) -> list:
    """Clicks that a mask obeys already: deep inside where both are set, near the lesion where neither is."""
    inside, clicks = mask & truth, []
    outside = ~(mask | truth) & (ndimage.distance_transform_edt(~truth) < 8) if truth.any() else None
    for _ in range(count):
        if rng.random() < 0.6 and inside.any():
            clicks.append((tuple(int(v) for v in deep_voxel(rng, inside)), True))
        elif outside is not None and outside.any():
            places = np.argwhere(outside)
            clicks.append((tuple(int(v) for v in places[rng.integers(len(places))]), False))
    return clicks


@dataclass
class Clicks:
    """Marked voxels ``[((k, j, i), positive), …]`` of a region, and the mask that they correct."""

    clicks: list
    previous: np.ndarray | None
    newest: list = field(default_factory=list)  # voxels of the last prompt

    @classmethod
    def begin(cls, rng, truth: np.ndarray, at, share: dict) -> "Clicks":
        """From a given first click, or from a prompt in the visible lesion, or from a wrong mask."""
        if at is not None:
            at = tuple(float(v) for v in np.clip(at, 0, np.array(truth.shape) - 1))
            return cls([(at, True)], None, [at])
        if rng.random() < share["disturbed_mask_share"]:
            previous = disturbed(rng, truth)
            start = cls(obeyed(rng, previous, truth, int(rng.integers(1, 9))), previous)
            start.add(next_prompt(rng, previous, truth))
            return start
        make = rng.choice(["click", "scribble", "box", "lasso"], p=share["first_prompts"])
        if make == "click":
            voxels = [tuple(int(v) for v in deep_voxel(rng, truth))]
        else:
            voxels = getattr(prompts, make)(rng, truth)
        return cls([(v, True) for v in voxels], None, voxels)

    def add(self, prompt: tuple[list, bool] | None) -> None:
        """One more prompt; None changes nothing."""
        if prompt is not None:
            self.newest = prompt[0]
            self.clicks.extend((v, prompt[1]) for v in prompt[0])

    def refine(self, rng, logit: np.ndarray, truth: np.ndarray) -> None:
        """Takes a prediction as the new previous mask and corrects one of its errors."""
        self.previous = clicked_component(logit > 0, self.clicks)
        self.add(next_prompt(rng, self.previous, truth, logit))
