"""Holes: what shows the old background is opened, what does not and is enclosed by the piece is closed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.backdrop import Backdrop
from kernels.reference.srgb import F32, U8, Plane

AGREES, CONTRAST = 12, 0.2
"""Difference over the noise that is still background where alpha is 0, and at most this share of the piece's own."""
SURE = 0.8
"""Alpha from which the network is believed."""
REACHES = (3, 5)
"""A ridge is higher than both its sides at these distances in pixels."""
RIDGE = 6
"""What stands out like this is a wire, not an opening."""
DISAGREES, SHARE = 16, 0.7
"""Difference over the noise that is not background; the share of a hole that is so, or metal, where it is closed."""
DOUBTED = 0.2
"""Mean network alpha of a hole from which it may be closed: the network was not sure that it is one."""


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


@dataclass(frozen=True, slots=True)
class Holes:
    """What was found and done: counts, and areas in pixels."""

    kept: int
    kept_area: int
    closed: int
    closed_area: int
    opened_area: int


def openings(alpha: F32, behind: Backdrop, hint: U8, metal: U8) -> tuple[F32, Holes]:
    """Open what agrees with the backdrop where alpha is unsure; close enclosed holes that disagree or are metal.

    alpha [H, W] float32; hint, metal [H, W] uint8, the network's own planes.
    """
    over = cv2.subtract(cv2.blur(behind.difference, (3, 3), borderType=cv2.BORDER_REPLICATE), behind.noise)
    ridge = ridges(behind.plain)
    ridge = cv2.subtract(ridge, behind.usual(ridge))
    own = cv2.subtract(behind.contrast(alpha), behind.noise)
    limit = np.minimum(np.float32(AGREES), own * np.float32(CONTRAST)) * (1 - alpha)
    agrees = ((over < limit) & (alpha < SURE) & (metal < 128) & (ridge <= RIDGE)).astype(np.uint8)
    square = np.ones((3, 3), np.uint8)
    agrees = cv2.dilate(cv2.erode(agrees, square), square) > 0
    opened = int((agrees & (alpha > 0.5)).sum())
    out = np.where(agrees, np.float32(0), alpha)

    count, labels, stats, _ = cv2.connectedComponentsWithStats((out < 0.5).astype(np.uint8), connectivity=4)
    height, width = alpha.shape
    left, top, wide, high, area = stats.T
    enclosed = (left > 0) & (top > 0) & (left + wide < width) & (top + high < height)
    enclosed[0] = False
    where = np.flatnonzero(enclosed[labels])
    of = labels.reshape(-1)[where]

    def total(plane: np.ndarray) -> np.ndarray:
        return np.bincount(of, weights=plane.reshape(-1)[where], minlength=count)

    wrong = np.maximum(total(over >= DISAGREES), total(metal >= 128)) >= SHARE * area
    closed = enclosed & wrong & (total(hint) >= DOUBTED * 255 * area)
    out.reshape(-1)[where[closed[of]]] = 1
    kept = enclosed & ~closed
    return out, Holes(int(kept.sum()), int(area[kept].sum()), int(closed.sum()), int(area[closed].sum()), opened)
