"""See-through openings: what of the background the piece encloses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.srgb import F32

LEAST = 12
"""Pixels from which an opening counts."""


@dataclass(frozen=True, slots=True)
class Openings:
    """How many there are, and their pixels."""

    count: int
    area: int


def openings(alpha: F32) -> Openings:
    """Return the openings of an alpha [H, W]: less than a half, connected by sides, away from the picture's edge."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((alpha < 0.5).astype(np.uint8), connectivity=4)
    left, top, wide, high, area = stats[1:].T
    height, width = alpha.shape
    found = area[(left > 0) & (top > 0) & (left + wide < width) & (top + high < height) & (area >= LEAST)]
    return Openings(len(found), int(found.sum()))
