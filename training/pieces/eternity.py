"""Ring whose shank is set with small stones, in one to three rows, all round or half."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import ring_path, rounded, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one eternity ring."""
    metal, stone = materials.metal(rng), materials.clear(rng, "diamond" if rng.random() < 0.5 else None)
    rows = int(rng.choice([1, 2, 3], p=[0.6, 0.2, 0.2]))
    small = float(rng.uniform(0.045, 0.13)) / (1 if rows == 1 else 1.5)
    half = rows * small * 1.1
    section = rounded(16, 5.0, half, float(rng.uniform(0.04, 0.08)))
    parts = [Part(tube(ring_path(1.0), 1.0, section, closed=True), metal, "metal")]
    span = 2 * np.pi if rng.random() < 0.55 else np.pi
    count = int(span / (2.15 * small))
    at = np.pi / 2 + (np.arange(count) - (count - 1) / 2) * span / count
    for row in range(rows):
        z = (row - (rows - 1) / 2) * 2.1 * small
        turn = at + (small if row % 2 else 0)
        out = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
        parts += mounts.pave(out * 1.06 + [0, 0, z], out, small, metal, stone)
    return poses.ring(rng, Piece("eternity", tuple(parts)))
