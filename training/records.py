"""What `paths.py` writes and `shade.py` reads: a record per sample that hits a piece, and codes of directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SLOTS = ("metal", "stone", "other", "prop")
DARK, SKY, GROUND, SOLID = range(4)
"""How a path ends: nowhere, in the surroundings, on the ground, on a diffuse part of the piece."""
RECORD = np.dtype(
    [
        ("index", "<u4"),  # sample in the grid [2 H, 2 W]: two by two samples per pixel
        ("ident", "u1"),  # material
        ("normal", "i1", 3),  # shading normal * 127, towards the camera
        ("facing", "u1"),  # cosine between normal and view * 255
        ("end", "u1", 2),  # how the mirrored and the refracted path end
        ("exit", "<i2", (2, 2)),  # SKY, SOLID: octahedral direction * 32767; GROUND: photo pixels * 8, x and y
        ("via", "u1", 2),  # another material that the path met, or the own one
        ("own", "u1", 2),  # how often the own material tints the mirrored path once more; the other is not used
        ("other", "u1", 2),  # how often `via` tints it
    ]
)


def octahedral(direction: Array) -> Array:
    """Code unit vectors [N, 3] as [N, 2] in [-1, 1] (Cigolle et al., JCGT 2014)."""
    flat = direction[:, :2] / np.abs(direction).sum(1, keepdims=True)
    folded = (1 - np.abs(flat[:, ::-1])) * np.where(flat >= 0, 1.0, -1.0)
    return np.where(direction[:, 2:] >= 0, flat, folded)


def pixels(code: Array, side: int) -> Array:
    """Flat indices [N] of octahedral codes [N, 2] in a map of `side` pixels."""
    at = np.clip(((code + 1) * (side / 2)).astype(np.int32), 0, side - 1)
    return at[:, 1] * side + at[:, 0]


def decoded(code: Array) -> Array:
    """Turn octahedral codes [N, 2] in [-1, 1] back into unit vectors [N, 3]."""
    z = 1 - np.abs(code).sum(1, keepdims=True)
    flat = np.where(z >= 0, code, (1 - np.abs(code[:, ::-1])) * np.where(code >= 0, 1.0, -1.0))
    out = np.concatenate([flat, z], 1)
    return out / np.linalg.norm(out, axis=1, keepdims=True)
