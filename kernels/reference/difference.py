"""Colour difference CIEDE2000 (CIE 142-2001), as Sharma, Wu and Dalal (2005) write it down."""

from __future__ import annotations

import numpy as np

from kernels.reference.srgb import F32

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
_CUBE = 25.0**7


def lab(linear: F32) -> F32:
    """Return CIELAB, D65, [..., 3] of linear sRGB [..., 3] in [0, 1]."""
    xyz = np.clip(linear, 0, 1) @ _TO_XYZ.T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(f.astype(np.float32), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def difference(one: F32, other: F32) -> F32:
    """Return CIEDE2000 [...] between CIELAB colours [..., 3]; 1 is about what an eye can tell."""
    l1, a1, b1 = np.moveaxis(one, -1, 0)
    l2, a2, b2 = np.moveaxis(other, -1, 0)
    mean7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean7 / (mean7 + _CUBE))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    gray = c1 * c2 == 0
    turn = np.where(gray, 0.0, (h2 - h1 + 180) % 360 - 180)
    # Exactly opposite hues: the turn is +180 where h2 > h1, and the mean hue follows Sharma's equation 14.
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    apart = np.abs(h1 - h2) > 180
    total = h1 + h2
    hue = np.where(gray, total, np.where(apart, np.where(total < 360, total + 360, total - 360), total) / 2)
    middle, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    off = (middle - 50) ** 2
    dl = (l2 - l1) / (1 + 0.015 * off / np.sqrt(20 + off))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = dh / (1 + 0.015 * chroma * t)
    chroma7 = chroma**7
    bend = np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    rotation = -bend * 2 * np.sqrt(chroma7 / (chroma7 + _CUBE))
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0)).astype(np.float32)
