"""A first click looked at twice, and heads that choose: on a made ball and a network that thresholds."""

from dataclasses import dataclass, field

import numpy as np
from isochrone_training.quality_head import Looked, fitted, folds
from isochrone_training.second_look import LookingTwice, interval, steadiness

RULE = {
    "side_voxels": 32, "percentiles": (0.5, 99.5), "first_spacing_mm": 1.0, "first_spacing_voxels": 0.5,
    "min_spacing_mm": 0.5, "max_spacing_mm": 6.0, "zoom_out": 1.5, "context": 1.5, "shrink_below": 0.2,
    "shrink_to": 2.0, "local_from": 0, "reach_voxels": 10,
    "encoding": {"kind": "disk", "radius_voxels": 2.0},
}
AT = (20, 20, 20)


@dataclass
class Threshold:
    """Finds what is bright; unsure of it where regions are finer than so many mm."""

    unsure_below_mm: float
    spacing_mm: float = 0.0
    asked: list = field(default_factory=list)

    def __call__(self, images, previous, positive, negative):
        self.asked.append(self.spacing_mm)
        high = 0.6 if self.spacing_mm < self.unsure_below_mm else 0.9
        return np.where(images[0] > 0, high, 0.0).astype(np.float32), 0.0


class Told(LookingTwice):
    """Tells the network how fine its region is."""

    def _run(self, centre, spacing, at):
        self.network.spacing_mm = spacing
        return super()._run(centre, spacing, at)


def session(unsure_below_mm: float, **given) -> Told:
    """After one click in the middle of a ball of 9 mm."""
    ball = (((np.mgrid[:41, :41, :41] - 20) ** 2).sum(0) <= 81).astype(np.float32) * 100
    found = Told([ball], (1.0, 1.0, 1.0), Threshold(unsure_below_mm), RULE, second_mm=2.0, second_voxels=0.0, **given)
    found.click(AT, True)
    return found


def test_steadiness_is_the_share_of_certain_voxels():
    assert steadiness(np.array([0.9, 0.8, 0.6, 0.4, 0.1])) == 0.5
    assert steadiness(np.zeros(3)) == 0.0


def test_the_steadier_answer_counts():
    sure, unsure = session(0.0), session(1.5)
    assert sure.network.asked == unsure.network.asked == [1.0, 2.0]
    assert sure.region.spacing_mm[0] == 1.0, "of two alike, the first"
    assert unsure.region.spacing_mm[0] == 2.0
    assert unsure.steady > 0.9 and unsure.mask[AT] and unsure.clicks == [(AT, True)]
    assert session(0.0, unless_steady=0.7).network.asked == [1.0], "a steady first answer is enough"


def test_only_the_first_click_is_looked_at_twice():
    found = session(9.0)
    before = len(found.network.asked)
    found.click((22, 20, 20), True)
    assert len(found.network.asked) == before + 1
    assert found.passes == len(found.network.asked)


def test_a_session_that_is_measured_looks_once():
    ball = np.zeros((9, 9, 9), np.float32)
    assert Looked([ball], (1.0,) * 3, Threshold(9.0), RULE).unless_steady < 0


def test_patients_are_drawn_whole():
    low, high = interval({"a": [0.1] * 50, "b": [-0.1]})
    assert np.allclose((low, high), (-0.1, 0.1))


def test_a_head_learns_what_tells_and_folds_keep_patients_together():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4, 6))
    y = 1 / (1 + np.exp(-2 * x[..., 2]))
    groups = np.where(np.arange(200) < 180, "many", "few")
    chosen = fitted(x[:150], y[:150], groups[:150])(x[150:]).argmax(1)
    assert (chosen == y[150:].argmax(1)).mean() > 0.8
    patients = np.repeat([f"p{i}" for i in range(40)], 5)
    assert all(len(set(folds(patients)[patients == p])) == 1 for p in patients)
