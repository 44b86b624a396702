"""What the sampler and the error head are trained for."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

RULE = {"temperature": 2.0, "information_share": 1.0, "ranking_share": 0.5}


def state():
    """A band whose first half is wrong: the answer says lesion there, and the truth does not."""
    wrong = torch.zeros(1, 1, 8, 8, 8)
    wrong[..., :4] = 1
    ones = torch.ones_like(wrong)
    return {"logit": 4 * ones, "truth": 1 - wrong, "wrong": wrong, "band": ones, "weight": ones}


def test_samples_that_disagree_where_the_answer_is_wrong_are_best():
    from isochrone_training.uncertain import sampler_loss

    now, side = state(), torch.tensor([8.0, -8.0])[:, None, None, None, None]
    where = {"wrong": now["wrong"], "right": 1 - now["wrong"], "nowhere": 0 * now["wrong"]}
    # Where they disagree their mean is one half: for the plain mean as well, a logit of 8 elsewhere tells the truth.
    rest = 8.0 * (2 * now["truth"] - 1)
    loss = {
        name: float(sampler_loss(torch.where(here > 0, 2 * side, rest), now, torch.Generator().manual_seed(1), RULE))
        for name, here in where.items()
    }
    assert loss["wrong"] < loss["nowhere"] < loss["right"]


def test_sharpened_samples_agree_with_the_answer_where_they_agree_among_themselves():
    from isochrone_training.uncertain import mutual_information, sharpened

    answer = torch.linspace(-3, 3, 8).expand(1, 1, 8, 8, 8)
    p = sharpened(torch.full((4, 1, 8, 8, 8), -1.5), answer)
    assert torch.allclose(p, torch.sigmoid(answer).expand(4, 1, 8, 8, 8), atol=1e-6)
    assert float(mutual_information(p).abs().max()) < 1e-4


def test_the_error_head_is_better_off_pointing_at_errors():
    from isochrone_training.uncertain import error_loss

    now = state()
    answer = 2 * now["wrong"] - 1
    good, bad = (error_loss(x, now, torch.Generator().manual_seed(1), RULE) for x in (answer, -answer))
    assert float(good) < float(bad)


def test_a_temperature_is_found_again():
    from isochrone_training.calibration import figures, fit

    rng = np.random.default_rng(3)

    def look(name):
        true_logit = rng.normal(0, 2, 20_000)
        return name, 1, 3 * true_logit, rng.random(20_000) < 1 / (1 + np.exp(-true_logit))

    looks = [look(f"sts_00{n}_pet") for n in range(4)]
    assert abs(fit(looks) - 3) < 0.15
    ece = figures(looks)["ece"]
    assert ece["as trained"]["all voxels"] > 0.1
    assert ece["other patients' temperature"]["all voxels"] < 0.01
