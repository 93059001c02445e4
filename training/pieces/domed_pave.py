"""Domed disc covered with small stones, on a wire, chain, ring or ear post."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import circle, ring_path, rounded, torus, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one domed pavé piece."""
    metal, stone = materials.metal(rng), materials.clear(rng)
    dome, rim = float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.03, 0.09))
    count = int(rng.integers(14, 110))
    spots, normals = mounts.strewn(count, 0.92 - rim, dome)
    parts = [Part(mounts.domed(dome, 24, 80), metal, "metal"), Part(torus(1.0, rim), metal, "metal")]
    parts += mounts.pave(spots, normals, 0.72 / np.sqrt(count), metal, stone)
    way = rng.random()
    if way < 0.35:
        bend = np.array([[-0.9, 0.9, 0], [-0.4, 0.3, 0], [0, 0, 0], [0.4, 0.35, 0], [1.0, 0.8, 0]]) * rng.uniform(
            0.8, 1.6
        )
        parts.append(Part(torus(0.12, 0.03, 32, 8).moved(offset=(0, 1.15, 0)), metal, "metal"))
        parts.append(
            Part(tube(bend + np.array([0, 1.25, 0]), float(rng.uniform(0.01, 0.025)), circle(8)), metal, "metal")
        )
    elif way < 0.7:
        path = links.drape(rng, "v", 2.0)
        path = path - path[np.argmin(path[:, 1])] + [0, 1.2, 0]
        parts.append(Part(torus(0.12, 0.03, 32, 8).moved(offset=(0, 1.12, 0)), metal, "metal"))
        parts.append(Part(links.chain(rng, path, float(rng.uniform(0.03, 0.08))), metal, "metal"))
    else:
        ring = tube(ring_path(1.2), 1.0, rounded(16, 3, 0.13, 0.08), closed=True)
        parts = mounts.placed(mounts.shifted(parts, (0, 0, 0)), np.array([0, 1.0, 0]), np.array([0, 1.28, 0]))
        return poses.ring(rng, Piece("domed_pave", (*parts, Part(ring, metal, "metal"))).sized(1.25))
    return poses.lying(rng, Piece("domed_pave", tuple(parts)).sized(1.3), 0.3)
