import isochrone
import numpy as np


def test_rarer_signals():
    image = np.zeros((9, 20, 20), np.float32)
    bump = isochrone.adaptive_gaussian(image, [(4, 10, 10)], (1, 1, 1))
    assert bump[4, 10, 10] == 1 and bump.shape == image.shape
    edges = np.zeros((1, 1, 6), bool)
    edges[0, 0, [2, 4]] = True
    assert isochrone.location_prior(edges, [(0, 0, 0)]).ravel().tolist() == [255, 255, 245, 245, 235, 235]
    field = isochrone.attraction_field((1, 1, 5), [(0, 0, 0)], [(0, 0, 4)], (1, 1, 1), 0.5)
    np.testing.assert_allclose(field.ravel(), [2 - 1 / 16.5, 1 / 1.5 - 1 / 9.5, 0, 1 / 9.5 - 1 / 1.5, 1 / 16.5 - 2], rtol=1e-5, atol=1e-7)  # noqa: E501
