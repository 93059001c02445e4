"""Thin parts that the network saw but did not believe: lines of its alpha where the photo has a line, too."""

from __future__ import annotations

import cv2
import numpy as np

from kernels.reference.backdrop import Backdrop
from kernels.reference.srgb import F32, U8, Plane

REACHES = (3, 5)
"""A ridge is higher than both its sides at these distances in pixels."""
WEAK = 16
"""How far the difference from the backdrop stands above both its sides, over what is usual in the background."""
HINT = 13
"""Network alpha (of 255) below which there is nothing to restore."""
LINE = 20
"""How far the network's own alpha (of 255) stands above both its sides, in the mean over a filament.

A texture within a half closed opening, or a hair in the blur beside the piece, is a line of the photo but not of the
network.
"""
TOUCH = 3
"""Pixels between a filament and the foreground that it hangs on."""
FLOOR, TOP = 4, 0.8
"""Difference over the noise where alpha starts, and share of the highest of the filament nearby where it is 1."""


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


def filament(alpha: F32, behind: Backdrop, hint: U8, line: U8) -> tuple[F32, int]:
    """Bring alpha back along lines that hang on foreground; return it and how many pixels were brought back.

    alpha [H, W] float32; hint [H, W] uint8, the network's alpha; line [H, W] uint8, `ridges` of it at the network's
    size. Alpha never becomes less. A shadow is no evidence: the difference has it taken out.
    """
    response = ridges(behind.difference)
    response = cv2.subtract(response, behind.usual(response))
    solid = (alpha > 0.5).astype(np.uint8)
    weak = (response > WEAK) & (solid == 0) & (hint >= HINT)
    count, labels = cv2.connectedComponents(_grown(weak, 1), connectivity=8)
    where = np.flatnonzero(weak)
    of = labels.reshape(-1)[where]
    seen = np.bincount(of, weights=line.reshape(-1)[where], minlength=count)
    kept = np.zeros(count, bool)
    kept[np.unique(labels.reshape(-1)[np.flatnonzero(_grown(solid, TOUCH))])] = True
    kept &= seen >= LINE * np.bincount(of, minlength=count)
    kept[0] = False
    drawn = np.zeros_like(solid)
    drawn.reshape(-1)[where] = kept[of]
    around = np.flatnonzero(_grown(drawn, 1))
    own = behind.difference.reshape(-1)[around].astype(np.float32)
    floor = behind.noise.reshape(-1)[around].astype(np.float32) + FLOOR
    highest = _grown(behind.difference * drawn, 3).reshape(-1)[around]
    top = np.maximum(highest * np.float32(TOP), floor + 2 * FLOOR)
    before = alpha.reshape(-1)[around]
    after = np.maximum(before, np.clip((own - floor) / (top - floor), 0, 1))
    out = alpha.copy()
    out.reshape(-1)[around] = after
    return out, int(((after > 0.5) & (before <= 0.5)).sum())


def _grown(plane: Plane, reach: int) -> Plane:
    """Return the highest value within a square of `reach` px around each pixel."""
    return cv2.dilate(plane.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
