from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels import figures as kernel
from kernels.reference.figures import figures


def planes(rng) -> list[np.ndarray]:
    noise = cv2.GaussianBlur(rng.random((90, 120), dtype=np.float32), (0, 0), 3)
    parts = np.zeros((60, 70), np.float32)
    parts[5:50, 5:45], parts[55, 60], parts[2:4, 60:62] = 1, 0.9, 0.6  # 1800 pixels, 1, 4: a thousandth is 1.8
    thousandth = np.zeros((30, 50), np.float32)
    thousandth[:25, :40], thousandth[28, 45] = 1, 1
    unsure = np.full((40, 33), 0.5, np.float32)
    unsure[:, 20:] = 1
    return [
        (noise - noise.min()) / np.ptp(noise),
        parts,
        unsure,
        np.zeros((7, 9), np.float32),
        np.ones((1, 1), np.float32),
        thousandth,
    ]


def test_a_thousandth_of_the_largest_part_counts(rng):
    assert figures(planes(rng)[1], 3).parts == 2


def test_an_area_of_a_half_is_unsure_but_for_its_edge(rng):
    """20 of 33 columns, less the one beside what is sure; the picture's own border is no edge."""
    found = figures(planes(rng)[2], 3)
    assert found.unsure == pytest.approx(40 * 19 / (40 * 13))


@pytest.mark.parametrize("reach", [3, 7])
def test_kernel_matches_reference(rng, batch, twin, reach):
    hosts = planes(rng)
    for got, host in zip(kernel.figures(*batch(hosts), [reach] * len(hosts)), hosts, strict=True):
        expected = figures(host, reach)
        assert (got.box, got.parts) == (expected.box, expected.parts)
        assert got.unsure == expected.unsure
        # each alpha is rounded to a millionth
        assert got.coverage == pytest.approx(expected.coverage, abs=1e-6)
