from __future__ import annotations

import numpy as np
import pytest

from kernels.reference.letterbox import fitted, letterbox, unletterbox

MEAN, SCALE = np.float32([0.5, 0.4, 0.3]), np.float32([0.5, 0.25, 1.0])


@pytest.mark.parametrize(("shape", "fit"), [((800, 400), (64, 32)), ((3, 4000), (1, 64)), ((20, 20), (64, 64))])
def test_keeps_proportions_inside_the_square(shape, fit):
    assert fitted(*shape, 64) == fit


def test_white_photo_and_black_padding_are_normalised():
    out = letterbox(np.full((10, 20, 3), 255, np.uint8), 32, MEAN, SCALE)
    assert out.shape == (3, 32, 32)
    assert out.dtype == np.float32
    for channel in range(3):
        # 1e-6: float32 rounding of one multiplication and one subtraction
        np.testing.assert_allclose(out[channel, :16], (1 - MEAN[channel]) / SCALE[channel], atol=1e-6)
        np.testing.assert_allclose(out[channel, 16:], -MEAN[channel] / SCALE[channel], atol=1e-6)


def test_a_thin_line_fades_but_never_disappears():
    """Area averaging: a 1-px line in a 1024-px photo keeps an eighth of its contrast in each of 128 rows."""
    photo = np.zeros((1024, 1024, 3), np.uint8)
    photo[:, 517] = 255
    out = letterbox(photo, 128, np.float32([0, 0, 0]), np.float32([1, 1, 1]))
    np.testing.assert_allclose(out[0].sum(axis=1), 1 / 8, atol=1 / 255)


def test_unletterbox_returns_the_photo_part():
    maps = np.arange(3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8)
    np.testing.assert_array_equal(unletterbox(maps, 100, 50), maps[:, :8, :4])
