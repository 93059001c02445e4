from __future__ import annotations

import numpy as np
import pytest

from kernels import letterbox as kernel
from kernels.reference.letterbox import fitted, letterbox, unletterbox
from kernels.reference.window import Window

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


WINDOWS = [
    ((61, 97), Window(0, 0, 97, 61)),  # shrinks
    ((40, 30), Window(3, 5, 20, 32)),  # keeps its height
    ((50, 50), Window(10, 20, 9, 14)),  # enlarged
    ((128, 160), Window(8, 0, 128, 128)),  # by a whole number
    ((1, 1), Window(0, 0, 1, 1)),
    ((3, 400), Window(0, 1, 400, 2)),  # a line
]


def test_kernel_matches_reference(rng, batch, twin):
    hosts = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape, _ in WINDOWS]
    pixels, photos = batch(hosts)
    windows = [window for _, window in WINDOWS]
    out = kernel.letterbox(pixels, photos, windows, 32, MEAN, SCALE)
    for got, host, window in zip(out, hosts, windows, strict=True):
        expected = letterbox(host[window.inside], 32, MEAN, SCALE)
        steps = np.abs(got - expected) * 255 * SCALE[:, None, None]
        # OpenCV's bilinear weights have 11 bits, its area sums another order: a byte may round to its neighbour
        assert steps.max() < 1.01
        assert steps.mean() < 0.1
