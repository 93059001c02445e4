"""How a piece stands on the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.geometry import rotation
from training.piece import Part, Piece


def turned(rng: np.random.Generator, piece: Piece) -> Piece:
    """Turn about the vertical by any angle."""
    return piece.moved(rotation((0, 0, 1), rng.uniform(0, 2 * np.pi)))


def _level(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return any horizontal axis to tilt about."""
    angle = rng.uniform(0, 2 * np.pi)
    return (float(np.cos(angle)), float(np.sin(angle)), 0.0)


def lying(rng: np.random.Generator, piece: Piece, tilt: float = 0.15) -> Piece:
    """Lie flat, tilted by up to `tilt` radians, turned by any angle."""
    axis = _level(rng)
    return turned(rng, piece.moved(rotation(axis, rng.uniform(0, tilt))))


def beside(pieces: Sequence[Piece], gap: float, down: float) -> tuple[Part, ...]:
    """Lay pieces side by side, each `gap` further along x and `down` along y; return all their parts."""
    return tuple(part for k, p in enumerate(pieces) for part in p.moved(offset=(gap * k, down * k, 0)).parts)


def raised(rng: np.random.Generator, piece: Piece) -> Piece:
    """Hold a piece up over the table, tilted: what hangs or is held casts its shadow beside itself."""
    axis = _level(rng)
    height = float(np.exp(rng.uniform(np.log(0.08), np.log(0.8))))
    return piece.moved(rotation(axis, rng.uniform(0, 0.25))).rested().moved(offset=(0, 0, height))


def ring(rng: np.random.Generator, piece: Piece) -> Piece:
    """Pose a ring (axis z, stone towards +y): flat, leaning or standing upright."""
    piece = piece.moved(rotation((0, 0, 1), rng.normal(0, 0.5)))
    tilt = float(rng.choice([rng.uniform(0, 0.2), rng.uniform(0.2, 1.2), rng.uniform(1.3, 1.57)], p=[0.4, 0.3, 0.3]))
    return turned(rng, piece.moved(rotation((1, 0, 0), tilt)))
