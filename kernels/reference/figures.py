"""What there is to say of an alpha: how much it covers, where, in how many parts, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.composite import bounds
from kernels.reference.srgb import F32

LOW, HIGH = 0.2, 0.8
"""Alpha between these is neither in nor out."""
SMALL = 0.001
"""Share of the largest part's area below which a part does not count."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one photo's alpha. `box`: (left, top, right, bottom) of the piece in pixels, None where there is none."""

    coverage: float
    """Mean alpha."""
    box: tuple[int, int, int, int] | None
    unsure: float
    """Area that is neither in nor out, away from every edge, as a share of the piece's."""
    parts: int


def figures(alpha: F32, reach: int) -> Figures:
    """Return the figures of an alpha [H, W]; what is nearer to an edge than half of `reach` pixels, odd, is an edge."""
    solid = (alpha > 0.5).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    soft = ((alpha > LOW) & (alpha < HIGH)).astype(np.uint8)
    unsure = float(cv2.erode(soft, np.ones((reach, reach), np.uint8)).sum() / max(1, int(solid.sum())))
    parts = int((areas >= areas.max() * SMALL).sum()) if count > 1 else 0
    return Figures(float(alpha.mean()), bounds(alpha), unsure, parts)
