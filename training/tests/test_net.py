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
        fine, coarse = net(x, net.ones(3))
        samples, error = net.sampler(*features, *net.ones(3)), net.error(*features, torch.rand(1, 1, *side))
    assert [f.shape[1] for f in features] == [8, 16, 32, 64]
    assert features[3].shape[2:] == tuple(n // 16 for n in side)
    assert fine.shape == (3, 1, *side)
    assert coarse.shape == (3, 1, *(n // 4 for n in side))
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
