"""sRGB transfer function (IEC 61966-2-1) between encoded bytes and linear light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Plane = NDArray[Any]
"""What OpenCV answers: it has the type that it was given, which its stubs do not know."""


def _decode(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encode(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


TO_LINEAR = _decode(np.arange(256) / 255).astype(np.float32)
# One entry per 1/65535 of linear light: at most a twentieth of an 8-bit step, where the curve is steepest.
TO_SRGB = np.rint(_encode(np.arange(65536) / 65535) * 255).astype(np.uint8)


def srgb_to_linear(encoded: U8) -> F32:
    """Decode sRGB bytes of any shape to linear light, float32 in [0, 1]."""
    return TO_LINEAR[encoded]


def encoded_to_linear(encoded: F32) -> F32:
    """Decode sRGB values in [0, 1], of any shape and finer than a byte, to linear light."""
    return _decode(encoded.astype(np.float64)).astype(np.float32)


def linear_to_srgb(linear: F32) -> U8:
    """Encode linear light of any shape to sRGB bytes; values outside [0, 1] are clipped. 0 and 1 are exact."""
    return TO_SRGB[(np.clip(linear, 0, 1) * np.float32(65535) + np.float32(0.5)).astype(np.uint16)]
