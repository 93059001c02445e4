"""Wire hoops with beads threaded on the lower arc, as makers of bead earrings sell them."""

from __future__ import annotations

import numpy as np

from training import materials, poses
from training.geometry import circle, frames, ring_path, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import bead


def make(rng: np.random.Generator) -> Piece:
    """Draw a pair of beaded hoops."""
    metal = materials.metal(rng)
    wire = float(rng.uniform(0.012, 0.04))
    gap = float(rng.uniform(0.1, 0.4))
    path = ring_path(1.0, 140, np.pi / 2 + gap, np.pi / 2 + 2 * np.pi - 0.03)
    kinds = [materials.stone(rng) for _ in range(int(rng.integers(1, 5)))]
    sizes = rng.uniform(0.05, 0.2, len(kinds))
    shapes = [bead(rng, float(s)) for s in sizes]
    parts = [
        Part(tube(path, wire, circle(8)), metal, "metal"),
        Part(torus(0.06, wire, 20, 8).moved(offset=path[-1]), metal, "metal"),
    ]
    reach = float(rng.uniform(0.3, 1.9))
    at = -np.pi / 2 - reach
    arc = ring_path(1.0, 400, 0, 2 * np.pi)
    tangent, normal, binormal = frames(arc, closed=True)
    while at < -np.pi / 2 + reach:
        pick = int(rng.integers(len(kinds)))
        half = float(sizes[pick]) if rng.random() < 0.93 else 0.3
        k = int((at + half) % (2 * np.pi) / (2 * np.pi) * 400) % 400
        if half < 0.3:
            axes = np.stack([normal[k], tangent[k], binormal[k]], 1)
            parts.append(Part(shapes[pick].moved(axes, arc[k]), kinds[pick], "stone"))
        at += 2 * half
    one = Piece("beaded_hoops", tuple(parts))
    pair = [poses.lying(rng, one, 0.25).rested()]
    if rng.random() < 0.8:
        shift = (float(rng.uniform(0.8, 2.2)), float(rng.uniform(-0.5, 0.5)), 0.05)
        pair.append(poses.lying(rng, one, 0.25).rested().moved(offset=shift))
    return Piece("beaded_hoops", tuple(part for p in pair for part in p.parts)).sized(1.3)
