"""Colour guided up-sampling of alpha: He and Sun, "Fast Guided Filter" (2015)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.reference.srgb import F32, U8, Plane


def guided(pixels: U8, coarse: F32, radius: int, epsilon: float, box: tuple[slice, slice] = np.s_[:, :]) -> F32:
    """Up-sample `coarse` to the photo's size so that it follows the photo's edges: alpha = a . I + b.

    pixels [H, W, 3] uint8 sRGB, the guide; coarse [h, w] float32 in [0, 1]; returns [H, W] float32 in [0, 1],
    of which `box` (rows, columns).
    radius is in pixels of `coarse`; epsilon is the variance (of colour in [0, 1]) below which the guide is flat.
    a and b are solved per window at the size of `coarse`, averaged, and up-sampled bilinearly.
    """
    height, width = pixels.shape[:2]
    h, w = coarse.shape
    r, g, b = (plane * np.float32(1 / 255) for plane in cv2.split(averaged(pixels, h, w)))
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(field: NDArray[Any]) -> NDArray[Any]:
        return cv2.boxFilter(field, -1, window, borderType=cv2.BORDER_REFLECT)

    r0, g0, b0, p0 = mean(r), mean(g), mean(b), mean(coarse)
    rr, rg, rb = mean(r * r) - r0 * r0 + epsilon, mean(r * g) - r0 * g0, mean(r * b) - r0 * b0
    gg, gb, bb = mean(g * g) - g0 * g0 + epsilon, mean(g * b) - g0 * b0, mean(b * b) - b0 * b0 + epsilon
    rp, gp, bp = mean(r * coarse) - r0 * p0, mean(g * coarse) - g0 * p0, mean(b * coarse) - b0 * p0
    del r, g, b
    # Inverse of the symmetric 3x3 covariance by its adjugate; epsilon on the diagonal keeps it regular. In double
    # precision: of a gray edge the determinant is about epsilon squared, below what float32 leaves of its terms.
    rr, rg, rb, gg, gb, bb = (field.astype(np.float64) for field in (rr, rg, rb, gg, gb, bb))
    c0, c1, c2 = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c3, c4, c5 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    determinant = rr * c0 + rg * c1 + rb * c2
    del rr, rg, rb, gg, gb, bb
    rows = (c0, c1, c2), (c1, c3, c4), (c2, c4, c5)
    ar, ag, ab = (((x * rp + y * gp + z * bp) / determinant).astype(np.float32) for x, y, z in rows)
    del rows, rp, gp, bp, c0, c1, c2, c3, c4, c5, determinant
    offset = p0 - ar * r0 - ag * g0 - ab * b0
    del p0, r0, g0, b0
    alpha = _enlarged(mean(offset), height, width)[box].copy()
    for channel, gain in enumerate((ar, ag, ab)):
        field = _enlarged(mean(gain) / 255, height, width)[box]
        alpha += cv2.multiply(field, cv2.extractChannel(pixels[box], channel), dtype=cv2.CV_32F)
    return alpha.clip(0, 1, out=alpha)


def averaged(pixels: U8, height: int, width: int) -> Plane:
    """Return the photo at another size, larger or smaller: each pixel the mean of the area that it covers."""
    h, w = pixels.shape[:2]
    if (h, w) == (height, width):
        return pixels
    source: Plane = pixels
    down, across = -(-height // h), -(-width // w)
    if max(down, across) > 1:
        # Repeated, then shrunk: left to enlarge by area, OpenCV rounds where a pixel starts, and from 896 to 1152 px
        # takes every ninth column and row from one pixel before.
        source = cv2.resize(pixels, (w * across, h * down), interpolation=cv2.INTER_NEAREST_EXACT)
    return cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)


def _enlarged(field: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    return field if field.shape == (height, width) else cv2.resize(field, (width, height))
