"""Foreground colour without the old background: Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021)."""

from __future__ import annotations

import cv2
import numpy as np

from kernels.reference.srgb import F32, U8

RADII = (45, 6)
"""Half windows in pixels: a wide pass that reaches certain colours, a narrow one that follows them."""


def foreground(pixels: U8, alpha: F32) -> U8:
    """Estimate F of I = alpha*F + (1-alpha)*B by two rounds of blur fusion; F = I where alpha is 1.

    pixels [H, W, 3] uint8 sRGB; alpha [H, W] float32 in [0, 1]; returns [H, W, 3] uint8 sRGB, straight.
    Beyond the reach of the last window, where no colour of the piece is known, F is white.
    """
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    out = np.full_like(pixels, 255)
    if not rows.size:
        return out
    margin = RADII[-1] + 1
    box = (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )
    image, a = pixels[box].astype(np.float32), alpha[box]
    front, back = image, image
    for radius in RADII:
        front, back = _fuse(image, a, front, back, radius)
    known = cv2.boxFilter(a, -1, (2 * RADII[-1] + 1,) * 2, normalize=False) > 1e-4
    estimate = np.where(known[..., None], np.clip(np.rint(front), 0, 255), 255).astype(np.uint8)
    out[box] = np.where((a == 1)[..., None], pixels[box], estimate)
    return out


def _fuse(image: F32, alpha: F32, front: F32, back: F32, radius: int) -> tuple[F32, F32]:
    """One round: smooth each layer by its own weight, then give F its share of what the mix does not explain."""

    def smooth(layer: F32, weight: F32) -> F32:
        window = (2 * radius + 1, 2 * radius + 1)
        return (
            cv2.boxFilter(layer * weight[..., None], -1, window) / (cv2.boxFilter(weight, -1, window) + 1e-5)[..., None]
        )

    f, b = smooth(front, alpha), smooth(back, 1 - alpha)
    a = alpha[..., None]
    return np.clip(f + a * (image - a * f - (1 - a) * b), 0, 255), b
