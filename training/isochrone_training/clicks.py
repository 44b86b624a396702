"""The simulated reader: a first prompt in the lesion, then prompts on errors, as readers differ."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from . import prompts
from .kernels import distance_transform, simulated_click
from .synth import noise

UNIT = (1.0, 1.0, 1.0)
NEIGHBOURS = np.ones((3, 3, 3), bool)
# How often a reader corrects in which way: the readers of the wheel, or a scribble. The shaking hand of "perturbed"
# puts some clicks on the wrong side of the border.
HABITS = {
    "centre": 0.5, "edt": 0.14, "uniform": 0.06, "boundary": 0.06, "perturbed": 0.12, "long-axis": 0.04,
    "uncertain": 0.04, "scribble": 0.04,
}


def first_click(rng, truth: np.ndarray, spacing_mm, box) -> np.ndarray:
    """A voxel ``[k, j, i]`` in a lesion: its centre half of the time, else anywhere but the rim."""
    reader = "centre" if rng.random() < 0.5 else "edt"
    at, _ = simulated_click(reader, None, truth[box], spacing_mm, seed=int(rng.integers(2**31)))
    return np.array([s.start for s in box]) + at


def deep_voxel(rng, mask: np.ndarray, spacing_mm=UNIT) -> np.ndarray:
    """A random voxel of a mask, with probability in proportion to its depth."""
    depth = distance_transform(np.pad(mask, 1), spacing_mm)[1:-1, 1:-1, 1:-1]
    total = np.cumsum(depth.ravel(), dtype=np.float64)
    return np.array(np.unravel_index(np.searchsorted(total, rng.random() * total[-1]), mask.shape))


def next_prompt(rng, prediction: np.ndarray, truth: np.ndarray, logit=None) -> tuple[list, bool] | None:
    """Voxels of the reader's next prompt and their sign; None where nothing is wrong."""
    habit = str(rng.choice(list(HABITS), p=list(HABITS.values())))
    seed, turn = int(rng.integers(2**31)), int(rng.integers(3))
    doubt = None if logit is None else -np.abs(logit)
    # The wheel's hand shakes in mm: here a voxel counts as two.
    spacing = (2.0, 2.0, 2.0) if habit == "perturbed" else UNIT
    reader = "centre" if habit == "scribble" else habit
    found = simulated_click(reader, prediction, truth, spacing, seed=seed, turn=turn, uncertainty=doubt)
    if found is None:
        return None
    at, positive = tuple(int(v) for v in found[0]), bool(found[1])
    if habit == "scribble":
        labels, _ = ndimage.label((prediction != truth) & (truth == positive), NEIGHBOURS)
        error = labels == labels[at]
        if error.sum() >= 8:
            return prompts.scribble(rng, error), positive
    return [at], positive


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
    wrong = (blurred + rough > rng.uniform(0.25, 0.7)) & (blurred > 0.02)  # no islands away from the lesion
    at = np.indices(truth.shape).reshape(3, -1)
    if rng.random() < 0.3 and truth.any():  # a part is missing
        normal = rng.standard_normal(3)
        along = (normal @ at).reshape(truth.shape)
        wrong &= along < np.quantile(along[truth], rng.uniform(0.35, 0.95))
    if rng.random() < 0.3 and truth.any():  # a leak, or a hole: a ball across the border
        wrong = ball(rng, wrong, deep_voxel(rng, ndimage.binary_dilation(truth, iterations=4)), rng.random() < 0.6)
    return wrong


def ball(rng, mask: np.ndarray, centre, more: bool) -> np.ndarray:
    """A mask with a rough ball added to it or taken from it, of the lesion's own order of size."""
    at = np.indices(mask.shape).reshape(3, -1)
    distance = np.sqrt(((at - np.asarray(centre)[:, None]) ** 2).sum(0)).reshape(mask.shape)
    most = np.clip((mask.sum() * 0.24) ** (1 / 3), 3, 12)
    found = distance + 1.5 * noise(rng, 5, mask.shape[0]) < rng.uniform(2, most + 0.1)
    return mask | found if more else mask & ~found


def false_blobs(rng, mask: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One to three invented parts beside the lesion, of those that a correction must take away and keep away."""
    near = ndimage.distance_transform_edt(~(mask | truth)) if (mask | truth).any() else np.full(mask.shape, 9.0)
    places = np.argwhere((near > 3) & (near < 20))
    for _ in range(int(rng.integers(1, 4))):
        if len(places):
            mask = ball(rng, mask, places[rng.integers(len(places))], True)
    return mask


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
    def begin(cls, rng, truth: np.ndarray, at, share: dict) -> tuple["Clicks", np.ndarray]:
        """From a given first click, or from a prompt in the visible lesion, or from a wrong mask; and what is wanted.

        Where the prompts are satisfied already, what is wanted is the mask as it is.
        """
        if at is not None:
            at = tuple(float(v) for v in np.clip(at, 0, np.array(truth.shape) - 1))
            return cls([(at, True)], None, [at]), truth
        if rng.random() < share["disturbed_mask_share"]:
            return cls.resumed(rng, truth, share)
        makes = list(share["first_prompts"])
        make = rng.choice(makes, p=[share["first_prompts"][m] for m in makes])
        if make == "click":
            voxels = [tuple(int(v) for v in deep_voxel(rng, truth))]
        else:
            voxels = getattr(prompts, make)(rng, truth)
        return cls([(v, True) for v in voxels], None, voxels), truth

    @classmethod
    def resumed(cls, rng, truth: np.ndarray, share: dict) -> tuple["Clicks", np.ndarray]:
        """In the middle of a session: a mask, prompts that it obeys, and mostly one that it does not."""
        previous = disturbed(rng, truth)
        if rng.random() < share["satisfied_share"]:
            if rng.random() < 0.5 and (previous & truth).any():
                truth = previous
            start = cls(obeyed(rng, truth, truth, int(rng.integers(2, 9))), truth.copy())
            start.newest = [start.clicks[-1][0]] if start.clicks else []
            return start, truth
        if rng.random() < share["false_blob_share"]:
            previous = false_blobs(rng, previous, truth)
        start = cls(obeyed(rng, previous, truth, int(rng.integers(0, 9))), previous)
        start.add(next_prompt(rng, previous, truth))
        return start, truth

    def unambiguous(self) -> bool:
        """Whether the prompts say which part or whole is meant: more than one click does, or a mask to correct."""
        return self.previous is not None or len(self.clicks) > 1

    def add(self, prompt: tuple[list, bool] | None) -> None:
        """One more prompt; None changes nothing."""
        if prompt is not None:
            self.newest = prompt[0]
            self.clicks.extend((v, prompt[1]) for v in prompt[0])

    def refine(self, rng, logit: np.ndarray, truth: np.ndarray, fully_annotated: bool = True) -> bool:
        """Takes a prediction as the new previous mask and corrects one of its errors; whether there is one to correct.

        Where the annotation is partial, other parts are not marked as false positives.
        """
        self.previous = clicked_component(logit > 0, self.clicks)
        prompt = next_prompt(rng, self.previous, truth, logit)
        if prompt is None or not (prompt[1] or fully_annotated):
            return False
        self.add(prompt)
        return True
