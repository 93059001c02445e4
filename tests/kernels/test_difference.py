"""CIEDE2000 against the pairs of Sharma, Wu and Dalal (2005) that find wrong implementations, and scikit-image."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from kernels.reference.difference import difference, lab
from kernels.reference.srgb import srgb_to_linear

# L, a, b twice, and the difference: hues about 0 and 180 degrees, grays, and the turn in the blue.
SHARMA = [
    (50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425),
    (50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0),
    (50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669),
    (50.0, 2.49, -0.001, 50.0, -2.49, 0.0009, 7.1792),
    (50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195),
    (50.0, -0.001, 2.49, 50.0, 0.0009, -2.49, 4.8045),
    (50.0, -0.001, 2.49, 50.0, 0.0011, -2.49, 4.7461),
    (50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065),
    (50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
    (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082),
]


@pytest.mark.parametrize("row", SHARMA)
def test_published_pairs(row):
    assert difference(np.array(row[:3]), np.array(row[3:6])) == pytest.approx(row[6], abs=1e-4)


def test_the_same_as_scikit_image_on_any_colour(rng):
    one, other = rng.integers(0, 256, (2, 4000, 3)).astype(np.uint8)
    got = difference(*(lab(srgb_to_linear(rgb)) for rgb in (one, other)))
    # Both round sRGB's matrix to seven digits, not the same ones: it shows where hues are nearly opposite.
    np.testing.assert_allclose(got, deltaE_ciede2000(rgb2lab(one), rgb2lab(other)), atol=0.1)


def test_no_colour_differs_from_itself(rng):
    colour = lab(srgb_to_linear(rng.integers(0, 256, (500, 3)).astype(np.uint8)))
    assert difference(colour, colour).max() == 0
