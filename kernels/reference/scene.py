"""A styled scene: the picture behind the piece, and the light that it suggests."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.srgb import F32, U8, srgb_to_linear

MIDDLE = 0.6
"""Share of each side of the picture, around its centre, that counts as the ground below the piece."""
LOPSIDED = 0.12
"""Difference between the halves of a picture, over their sum, from which light is said to come from the brighter."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a picture tells of its light, linear: ground [3], room [3] of mean 1, and where light comes from.

    azimuth: radians from the picture's right, counted towards its top; None where no side is brighter.
    """

    ground: F32
    room: F32
    azimuth: float | None


def covering(picture: U8, canvas: tuple[int, int]) -> U8:
    """Resize a picture [H, W, 3] to cover the canvas (width, height), its middle kept, the rest cut off."""
    height, width = picture.shape[:2]
    scale = max(canvas[0] / width, canvas[1] / height)
    w, h = (max(1, min(own, round(side / scale))) for own, side in zip((width, height), canvas, strict=True))
    top, left = (height - h) // 2, (width - w) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture[top : top + h, left : left + w], canvas, interpolation=way), np.uint8)


def suggested(picture: U8) -> Suggested:
    """Estimate the light of a scene [H, W, 3] uint8 sRGB: an approximation that wants no more than a direction."""
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    linear = srgb_to_linear(np.asarray(small, np.uint8))
    rim = round(32 * (1 - MIDDLE) / 2)
    ground = linear[rim:-rim, rim:-rim].mean((0, 1))
    mean = linear.mean((0, 1)) + 1e-3
    bright = linear.mean(-1)
    across = (bright[:, 16:].mean() - bright[:, :16].mean()) / (bright.mean() + 1e-3) / 2
    upward = (bright[:16].mean() - bright[16:].mean()) / (bright.mean() + 1e-3) / 2
    lopsided = float(np.hypot(across, upward)) > LOPSIDED
    azimuth = float(np.arctan2(upward, across)) if lopsided else None
    return Suggested(ground, mean / float(mean.mean()), azimuth)


def turned(harmonics: F32, angle: float) -> F32:
    """Turn spherical harmonics [9] of order 0 to 2 by `angle` radians about the vertical.

    Order 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22; of each pair -m, m the first is the sine's, the second the cosine's.
    """
    out = np.array(harmonics, np.float32)
    for sine, cosine, m in ((1, 3, 1), (5, 7, 1), (4, 8, 2)):
        c, s = np.cos(m * angle), np.sin(m * angle)
        out[cosine] = c * harmonics[cosine] - s * harmonics[sine]
        out[sine] = s * harmonics[cosine] + c * harmonics[sine]
    return out
