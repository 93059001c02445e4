"""Ring or pendant with a large domed stone: the plain surfaces that networks like to hollow."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import ring_path, rounded, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one cabochon ring."""
    metal = materials.metal(rng)
    stone = materials.opaque(rng) if rng.random() < 0.75 else materials.stone(rng)
    section = rounded(16, rng.uniform(2, 4), rng.uniform(0.06, 0.2), rng.uniform(0.04, 0.08))
    parts = [Part(tube(ring_path(1.0), 1.0, section, closed=True), metal, "metal")]
    radius = float(rng.uniform(0.35, 0.85))
    up = np.array([0.0, 1.0, 0.0])
    parts += mounts.placed(mounts.cabochon_set(rng, radius, metal, stone), up, up * (1.0 + 0.35 * radius))
    return poses.ring(rng, Piece("cabochon_ring", tuple(parts)))
