from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels import refine as kernel
from kernels.launch import Extents
from kernels.reference.refine import NOTHING, evidence


@pytest.mark.parametrize(
    ("photo", "maps", "box"),
    [
        ((90, 120), (36, 48), np.s_[10:80, 5:117]),
        ((40, 33), (48, 40), np.s_[:, :]),
        ((16, 70), (1, 5), np.s_[0:16, 3:70]),
        ((25, 25), (25, 25), np.s_[24:25, 0:1]),
    ],
    ids=["shrunk", "enlarged", "a strip", "one pixel"],
)
def test_evidence_of_the_kernels_is_the_references(rng, twin, photo, maps, box):
    coarse = np.zeros((3, *maps), np.float32)
    some = rng.random(maps) < 0.03
    coarse[0][some] = rng.choice(np.float32([NOTHING, 0.06, 0.5, 1]), int(some.sum()))
    pixels = rng.integers(0, 256, (*photo, 3), dtype=np.uint8)
    shape = pixels[box].shape[:2]
    hints, lines, background = kernel.evidence(coarse[0].ravel(), Extents((maps,)), box, Extents((shape,)), photo)
    _, hint, line = evidence(pixels, coarse, box)
    for got, expected in ((hints, hint), (lines, line)):
        # OpenCV's bilinear weights have 11 bits
        np.testing.assert_allclose(got.reshape(shape).astype(int), expected, atol=1)
    nothing = cv2.dilate(coarse[0], np.ones((5, 5), np.uint8)) <= np.float32(NOTHING)
    expected = cv2.resize(255 * nothing.astype(np.uint8), photo[::-1], interpolation=cv2.INTER_NEAREST)[box]
    np.testing.assert_array_equal(background.reshape(shape), expected)
