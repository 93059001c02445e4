"""Fit a photo of any size into the network's fixed square, and find it there again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kernels.reference.srgb import F32, U8


def fitted(height: int, width: int, size: int) -> tuple[int, int]:
    """Return (height, width) in pixels that a photo takes in the top-left corner of a `size` x `size` letterbox."""
    longest = max(height, width)
    return max(1, round(height * size / longest)), max(1, round(width * size / longest))


def letterbox(pixels: U8, size: int, mean: Sequence[float], scale: Sequence[float]) -> F32:
    """Resize to fit, put top-left on black, normalise: (rgb / 255 - mean) / scale.

    pixels [H, W, 3] uint8 sRGB; mean, scale: one number per channel; returns [3, size, size] float32.
    Shrinks by area averaging, so that a thin chain loses contrast, not pixels.
    """
    height, width = fitted(pixels.shape[0], pixels.shape[1], size)
    shrinks = height < pixels.shape[0]
    canvas = np.zeros((size, size, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    gain = (1 / (255 * np.asarray(scale))).astype(np.float32)
    offset = (np.asarray(mean) / np.asarray(scale)).astype(np.float32)
    return np.ascontiguousarray((canvas * gain - offset).transpose(2, 0, 1))


def unletterbox(maps: F32, height: int, width: int) -> F32:
    """Return the part of network maps [C, S, S] that a photo of `height` x `width` pixels covers: [C, h, w]."""
    h, w = fitted(height, width, maps.shape[-1])
    return maps[:, :h, :w]
