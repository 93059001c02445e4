from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest

from kernels import foreground as kernel
from kernels.reference.foreground import foreground
from perf.drawn import draw


def test_opaque_pixels_keep_their_own_colour(rng):
    pixels = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    alpha = rng.choice(np.float32([0, 0.4, 1]), (40, 50))
    out = foreground(pixels, alpha)
    np.testing.assert_array_equal(out[alpha == 1], pixels[alpha == 1])


def test_nothing_there_is_white_everywhere():
    out = foreground(np.full((9, 7, 3), 13, np.uint8), np.zeros((9, 7), np.float32))
    assert (out == 255).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (33, 17)])
def test_all_foreground_is_the_photo(rng, shape):
    pixels = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    np.testing.assert_array_equal(foreground(pixels, np.ones(shape, np.float32)), pixels)


def test_takes_the_background_out_of_a_soft_edge():
    """Gold on blue with a 6-px ramp: I = a*F + (1-a)*B is solved back to gold wherever there is some gold."""
    gold, blue = np.float32([212, 175, 55]), np.float32([20, 40, 200])
    alpha = np.clip((np.arange(64, dtype=np.float32)[None] - 29) / 6, 0, 1).repeat(48, 0)
    pixels = np.rint(alpha[..., None] * gold + (1 - alpha[..., None]) * blue).astype(np.uint8)
    edge = (alpha > 0.1) & (alpha < 1)
    error = np.abs(foreground(pixels, alpha)[edge] - gold)
    assert np.abs(pixels[edge] - gold).mean() > 50  # what a cut without this step shows
    assert error.mean() < 8


@pytest.mark.slow
def test_no_further_from_the_truth_than_pymatting(rng):
    """The same photo and alpha of a drawn piece: our mean error in the soft edge is at most pymatting's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's, of its own caching
        from pymatting import estimate_foreground_ml
    made = draw(3, 500)
    soft = (made.alpha > 0.05) & (made.alpha < 0.98)
    peer = estimate_foreground_ml(made.pixels / 255.0, made.alpha.astype(np.float64)) * 255
    ours = np.abs(foreground(made.pixels, made.alpha)[soft].astype(float) - made.foreground[soft]).mean()
    assert ours <= np.abs(peer[soft] - made.foreground[soft]).mean()
    assert ours < np.abs(made.pixels[soft].astype(float) - made.foreground[soft]).mean() / 2


def piece(rng, size):
    """A photo of noise, and an alpha with ends, ramps and emptiness."""
    ramp = np.clip(cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), 2) * 3 + 0.5, 0, 1)
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8), ramp


def test_strength_goes_from_the_photo_to_the_estimate(rng):
    pixels, alpha = piece(rng, (40, 50))
    photo, half, full = (foreground(pixels, alpha, strength).astype(int) for strength in (0.0, 0.5, 1.0))
    empty = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    np.testing.assert_array_equal(photo[~empty], pixels[~empty])
    np.testing.assert_allclose(2 * half, photo + full, atol=1)  # one rounding
    assert np.abs(full - photo)[~empty].max() > 50
    assert (photo[empty] == 255).all()


def test_kernel_matches_reference(rng, batch, twin):
    pictures = [piece(rng, size) for size in [(1, 1), (37, 53), (1, 40), (70, 33), (8, 32)]]
    pixels, extents = batch([p for p, _ in pictures])
    alpha, _ = batch([a for _, a in pictures])
    strengths = [1.0, 0.3, 0.0, 1.0, 0.75]
    out = extents.split(kernel.foreground(pixels, alpha, extents, strengths))
    for got, (p, a), strength in zip(out, pictures, strengths, strict=True):
        # sums in another order, and in place: a value on a rounding edge moves its neighbours by one, too
        np.testing.assert_allclose(got.astype(int), foreground(p, a, strength).astype(int), atol=2)
        np.testing.assert_array_equal(got[a == 1], p[a == 1])
