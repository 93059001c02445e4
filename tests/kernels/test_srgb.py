from __future__ import annotations

import numpy as np

from kernels.reference.srgb import linear_to_srgb, srgb_to_linear


def test_every_byte_survives_the_round_trip():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(linear_to_srgb(srgb_to_linear(every)), every)


def test_half_the_light_is_188():
    """IEC 61966-2-1: half of white's photons encode to 188, not to 128."""
    assert linear_to_srgb(np.float32([0.5])) == [188]


def test_ends_are_exact_and_overflow_is_clipped():
    np.testing.assert_array_equal(linear_to_srgb(np.float32([-1, 0, 1, 7])), [0, 0, 255, 255])


def test_matches_the_formula(rng):
    linear = rng.random(100_000).astype(np.float32)
    formula = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    # The table has a resolution of a twentieth of a step where the curve is steepest.
    assert np.abs(linear_to_srgb(linear) - formula).max() < 0.5 + 0.05
