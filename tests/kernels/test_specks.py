from __future__ import annotations

import numpy as np
import pytest

from kernels import specks as kernel
from kernels.reference.specks import SEEN, SURE, without_specks


def pieces(*parts, size=(40, 50)):
    """An alpha of that size with parts: where, and how much."""
    alpha = np.full(size, 0.1, np.float32)
    for where, value in parts:
        alpha[where] = value
    return alpha


PIECE = (np.s_[5:20, 5:20], 1.0)
CASES = {
    "a smear": (pieces(PIECE, (np.s_[25:35, 30:45], 0.6)), pieces(PIECE, (np.s_[25:35, 30:45], 0))),
    "a part that is sure somewhere": (
        pieces(PIECE, (np.s_[25:35, 30:45], 0.6), (np.s_[30, 40], SURE)),
        pieces(PIECE, (np.s_[25:35, 30:45], 0.6), (np.s_[30, 40], SURE)),
    ),
    "a faded wire that hangs on the piece by a corner": (
        pieces(PIECE, (np.s_[20, 20:40], 0.3)),
        pieces(PIECE, (np.s_[20, 20:40], 0.3)),
    ),
    "no more than seen": (pieces((np.s_[9:12, 9:12], SEEN)), pieces((np.s_[9:12, 9:12], SEEN))),
    "a doubtful piece and no other": (pieces((np.s_[9:12, 9:12], 0.5)), pieces((np.s_[9:12, 9:12], 0.5))),
    "one pixel": (np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)),
    "all of it doubtful": (np.full((3, 7), 0.5, np.float32), np.full((3, 7), 0.5, np.float32)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_nowhere_sure_goes_and_nothing_else(name):
    alpha, expected = CASES[name]
    np.testing.assert_array_equal(without_specks(alpha), expected)


def test_kernels_match_reference(rng, batch, twin):
    noise = [rng.random(size, dtype=np.float32) ** 3 for size in ((40, 31), (90, 7), (1, 64))]
    alphas = [alpha for alpha, _ in CASES.values()] + noise
    alpha, maps = batch(alphas)
    for got, one in zip(maps.split(kernel.without_specks(alpha, maps)), alphas, strict=True):
        np.testing.assert_array_equal(got, without_specks(one))
