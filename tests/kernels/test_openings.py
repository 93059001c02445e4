from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from kernels import openings as kernel
from kernels.reference.openings import LEAST, Openings, openings


def plate(*holes):
    """A plate of 80 x 60 px that reaches no edge of its picture, with holes."""
    alpha = np.zeros((100, 120), np.float32)
    alpha[20:80, 20:100] = 1
    for hole in holes:
        alpha[hole] = 0.4
    return alpha


CASES = {
    "none": (plate(), Openings(0, 0)),
    "two": (plate(np.s_[30:40, 30:45], np.s_[50:60, 70:72]), Openings(2, 170)),
    "a bay is not enclosed": (plate(np.s_[40:50, 60:100]), Openings(0, 0)),
    "a corner does not connect": (plate(np.s_[40:50, 40:50], np.s_[50:60, 50:60]), Openings(2, 200)),
    "too small": (plate(np.s_[40:41, 40 : 40 + LEAST - 1]), Openings(0, 0)),
    "just large enough": (plate(np.s_[40:41, 40 : 40 + LEAST]), Openings(1, LEAST)),
    "cut off by the picture": (np.ascontiguousarray(plate(np.s_[30:40, 30:45])[30:, 25:]), Openings(0, 0)),
    "one pixel": (np.zeros((1, 1), np.float32), Openings(0, 0)),
    "all piece": (np.ones((5, 9), np.float32), Openings(0, 0)),
    "no piece": (np.zeros((9, 5), np.float32), Openings(0, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_openings_are_counted(name):
    alpha, expected = CASES[name]
    assert openings(alpha) == expected


def test_kernels_match_reference(rng, batch, twin):
    noise = [rng.random(size, dtype=np.float32) for size in ((40, 31), (90, 7))]
    alphas = [alpha for alpha, _ in CASES.values()] + noise
    alpha, photos = batch(alphas)
    facts = kernel.openings(alpha, photos)
    assert [tuple(row) for row in facts.tolist()] == [astuple(openings(one)) for one in alphas]
