"""Thin features that the network lost: ridges of the difference from the backdrop, by hysteresis (Canny 1986)."""

from __future__ import annotations

import cv2
import numpy as np

from kernels.reference.backdrop import Backdrop
from kernels.reference.srgb import F32, U8, Plane

REACHES = (3, 5)
"""A ridge is higher than both its sides at these distances in pixels."""
WEAK, STRONG = 16, 24
"""Ridge over what is usual in the background: what may belong to a wire, and what a tenth of a wire has to have."""
LENGTH = 20
"""Pixels that a filament spans at least, on its longer axis."""
HINT, HINTED = 6, 0.6
"""Network alpha of 255 that is a hint, and the share of a filament that has to have one."""
BESIDE = 0.7
"""A filament of which more lies along the edge of what is solid is that edge's shadow."""
FLOOR, TOP = 4, 0.8
"""Difference over the noise where alpha starts, and share of the highest of the filament where it is 1."""


def ridges(difference: Plane) -> Plane:
    """Return how far each pixel stands above both its sides: the best of four directions and all reaches.

    difference [H, W] uint8. A step has one side only, so the edge of the piece or of a shadow does not answer.
    """
    smooth = cv2.GaussianBlur(difference, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    height, width = difference.shape
    best = np.zeros_like(difference)
    for reach in REACHES:
        near = cv2.copyMakeBorder(smooth, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
        slant = round(reach * 0.7071)
        for dy, dx in ((0, reach), (reach, 0), (slant, slant), (slant, -slant)):
            one, other = (
                near[reach + y : reach + y + height, reach + x : reach + x + width] for y, x in ((dy, dx), (-dy, -dx))
            )
            best = cv2.max(best, cv2.subtract(smooth, cv2.max(one, other)))
    return best


def filament(alpha: F32, behind: Backdrop, hint: U8) -> tuple[F32, int]:
    """Bring alpha back along ridges that hang on foreground; return it and how many pixels were brought back.

    alpha [H, W] float32; hint [H, W] uint8, the network's own alpha. Alpha never becomes less. Where the network has
    no hint, a shadow is no evidence.
    """
    evidence = np.where(hint > HINT, behind.plain, behind.difference)
    response = ridges(evidence)
    response = cv2.subtract(response, behind.usual(response))
    solid = (alpha > 0.5).astype(np.uint8)
    weak = (response > WEAK) & (solid == 0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_grown(weak, 1), connectivity=8)
    where = np.flatnonzero(weak)
    of = labels.reshape(-1)[where]
    size = np.maximum(np.bincount(of, minlength=count), 1)

    def share(mask: np.ndarray) -> np.ndarray:
        return np.bincount(of, weights=mask.reshape(-1)[where], minlength=count) / size

    kept = np.zeros(count, bool)
    kept[labels[_grown(solid, 3) > 0]] = True
    kept &= np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) >= LENGTH
    kept &= (share(response > STRONG) > 0.1) & (share(hint > HINT) > HINTED) & (share(_grown(solid, 2)) < BESIDE)
    kept[0] = False
    line = np.zeros_like(solid)
    line.reshape(-1)[where] = kept[of]
    around = np.flatnonzero(_grown(line, 1))
    floor = behind.noise.reshape(-1)[around].astype(np.float32) + FLOOR
    top = np.maximum(_grown(evidence * line, 3).reshape(-1)[around] * np.float32(TOP), floor + 2 * FLOOR)
    before = alpha.reshape(-1)[around]
    after = np.maximum(before, np.clip((evidence.reshape(-1)[around] - floor) / (top - floor), 0, 1))
    out = alpha.copy()
    out.reshape(-1)[around] = after
    return out, int(((after > 0.5) & (before <= 0.5)).sum())


def _grown(plane: Plane, reach: int) -> Plane:
    """Return the highest value within a square of `reach` px around each pixel."""
    return cv2.dilate(plane.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
