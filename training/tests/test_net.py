"""Shapes of the network, and what the dropout masks do."""

import pytest

torch = pytest.importorskip("torch")


def inputs(side):
    return (torch.randn(1, 1, *side),) + tuple(torch.rand(1, 1, *side) for _ in range(3))


@pytest.fixture(scope="module")
def net():
    from isochrone_training.net import LesionNet

    torch.manual_seed(0)
    return LesionNet(1, 8).eval()


@pytest.mark.parametrize("side", [(32, 32, 32), (32, 48, 64)])
def test_shapes(net, side):
    with torch.no_grad():
        x = inputs(side)
        features = net.encoder(*x)
        fine, coarse, quality = net(x, net.ones(3))
        best, answers, good = net.decoder(*features, *net.ones(3))
        samples, error = net.sampler(*features, *net.ones(3)), net.error(*features, torch.rand(1, 1, *side))
    assert [f.shape[1] for f in features] == [8, 16, 32, 64]
    assert features[3].shape[2:] == tuple(n // 16 for n in side)
    assert fine.shape == answers.shape == (3, 3, *side) and best.shape == (3, 1, *side)
    assert coarse.shape == (3, 3, *(n // 4 for n in side))
    assert quality.shape == good.shape == (3, 3)
    chosen = good.argmax(1)
    assert torch.allclose(best[:, 0], answers[torch.arange(3), chosen], atol=1e-5)
    assert samples.shape == (3, 1, *side)
    assert error.shape == (1, 1, *(n // 2 for n in side))


def test_samples_of_one_seed_agree_and_differ_among_themselves(net):
    x = inputs((32, 32, 32))
    generators = [torch.Generator().manual_seed(7) for _ in range(2)]
    with torch.no_grad():
        a, b = (net(x, net.random_masks(2, 0.3, g))[0] for g in generators)
    assert torch.equal(a, b)
    assert not torch.allclose(a[0], a[1])


def test_click_window_is_centred_on_the_clicked_grey_value():
    from isochrone_training.net import click_window

    image = torch.full((1, 1, 8, 8, 8), 3.0)
    image[..., 4:] = 5.0
    click = torch.zeros_like(image)
    click[0, 0, 4, 4, 6] = 1.0
    seen = click_window(image, click)
    assert abs(float(seen[0, 0, 4, 4, 6])) < 0.05
    assert float(seen[0, 0, 4, 4, 0]) < -0.9


def test_doubling_is_linear_interpolation():
    from isochrone_training.net import Doubled

    x = torch.randn(2, 1, 3, 4, 5)
    wanted = torch.nn.functional.interpolate(x, scale_factor=2, mode="trilinear", align_corners=False)
    assert torch.allclose(Doubled()(x), wanted, atol=1e-6)


def test_a_name_changes_the_features_and_no_name_is_the_zeroth():
    from isochrone_training.net import LesionNet

    torch.manual_seed(0)
    named, x = LesionNet(1, 8, names=2).eval(), inputs((32, 32, 32))
    with torch.no_grad():
        plain, zero, one = (named.encoder(*x, n)[3] for n in (None, torch.tensor([0]), torch.tensor([1])))
    assert torch.equal(plain, zero) and not torch.allclose(plain, one)


def test_the_quicker_normalisation_has_the_same_values_and_gradients():
    from isochrone_training.norm import ChannelsLast

    torch.manual_seed(0)
    x = torch.randn(2, 5, 6, 4, 3, requires_grad=True)
    norm = torch.nn.InstanceNorm3d(5, affine=True)
    torch.nn.init.normal_(norm.weight)
    want = norm(x)
    grads = torch.autograd.grad((want**3).sum(), (x, norm.weight, norm.bias))
    found = ChannelsLast.apply(x, norm.weight, norm.bias, norm.eps)
    mine = torch.autograd.grad((found**3).sum(), (x, norm.weight, norm.bias))
    assert torch.allclose(found, want, atol=1e-5)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-3) for a, b in zip(mine, grads))


def test_the_loss_asks_one_answer_after_one_click_and_all_once_the_target_is_clear():
    from isochrone_training.loss import total

    truth = torch.zeros(1, 1, 16, 16, 16)
    truth[..., 4:12, 4:12, 4:12] = 1
    right = 12 * (2 * truth - 1)
    fine, one = torch.cat([right, -right, -right], 1), torch.ones_like(truth)
    coarse = torch.nn.functional.avg_pool3d(fine, 4)
    rule = {"coarse_loss": 0.3, "unambiguous_share": 0.5, "ambiguous_share": 0.0, "quality_loss": 0.0}
    whole = truth.sum((1, 2, 3, 4))
    losses = [
        float(total(fine, coarse, torch.zeros(1, 3), truth, one, whole, torch.tensor([clear]), rule)[0])
        for clear in (False, True)
    ]
    assert losses[0] < 0.2 < 1.0 < losses[1]
    _, dice = total(fine, coarse, torch.zeros(1, 3), truth, one, 3 * whole, torch.tensor([True]), rule)
    assert abs(float(dice[0, 0]) - 0.5) < 0.01, "what lies beyond the region counts as missed"
