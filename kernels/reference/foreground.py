"""Foreground colour without the old background: Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.reference.srgb import F32, U8

Plane = NDArray[Any]
Planes = list[Plane]
"""Red, green and blue apart: NumPy is ten times slower along a last axis of 3."""

RADIUS = 6
"""Half window in pixels of the narrow round, which follows the colour along the edge."""
REDUCTION, WIDE_RADIUS = 4, 11
"""The wide round, which brings certain colours to the edge, runs at a quarter of the size: 45 px of the photo."""


def foreground(pixels: U8, alpha: F32) -> U8:
    """Estimate F of I = alpha*F + (1-alpha)*B by two rounds of blur fusion, wide then narrow; F = I where alpha is 1.

    pixels [H, W, 3] uint8 sRGB; alpha [H, W] float32 in [0, 1]; returns [H, W, 3] uint8 sRGB, straight.
    Beyond the reach of the narrow window, where no colour of the piece is known, F is white.
    """
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    out = np.full_like(pixels, 255)
    if not rows.size:
        return out
    margin = RADIUS + 1
    box = (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )
    a = alpha[box]
    image = [plane.astype(np.float32) for plane in cv2.split(pixels[box])]
    height, width = a.shape
    reduced = (-(-width // REDUCTION), -(-height // REDUCTION))
    small = [cv2.resize(plane, reduced, interpolation=cv2.INTER_AREA) for plane in image]
    wide = _fuse(small, cv2.resize(a, reduced, interpolation=cv2.INTER_AREA), small, small, WIDE_RADIUS)
    front, back = ([cv2.resize(plane, (width, height)) for plane in layer] for layer in wide)
    front, _ = _fuse(image, a, front, back, RADIUS)
    unknown = cv2.boxFilter(a, -1, (2 * RADIUS + 1,) * 2, normalize=False) <= 1e-4
    opaque = a == 1
    for channel, (estimate, own) in enumerate(zip(front, image, strict=True)):
        np.copyto(estimate, own, where=opaque)
        np.copyto(estimate, 255, where=unknown)
        out[box][..., channel] = np.rint(estimate)
    return out


def _fuse(image: Planes, alpha: Plane, front: Planes, back: Planes, radius: int) -> tuple[Planes, Planes]:
    """One round: smooth each layer by its own weight, then give F its share of what the mix does not explain."""
    rest = 1 - alpha

    def mean(plane: Plane) -> Plane:
        return cv2.boxFilter(plane, -1, (2 * radius + 1, 2 * radius + 1))

    reach, rest_reach = mean(alpha) + np.float32(1e-5), mean(rest) + np.float32(1e-5)
    fronts, backs = [], []
    for i, f, b in zip(image, front, back, strict=True):
        f, b = mean(f * alpha) / reach, mean(b * rest) / rest_reach
        fronts.append(np.clip(f + alpha * (i - alpha * f - rest * b), 0, 255))
        backs.append(b)
    return fronts, backs
