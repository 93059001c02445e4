"""HELD OUT. Tennis bracelet: equal stones in square or round boxes, hinged in a row."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import frames, resample
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one tennis bracelet."""
    metal, stone = materials.metal(rng), materials.clear(rng, "diamond" if rng.random() < 0.5 else None)
    size = float(rng.uniform(0.05, 0.12))
    path = links.drape(rng, str(rng.choice(["loop", "meander", "u"])), float(rng.uniform(1.0, 1.5)))
    knots = resample(path, size * 2.5)
    tangent, _, _ = frames(knots)
    parts: list[Part] = []
    unit = mounts.claw_set(rng, size, metal, stone)
    for k in range(len(knots)):
        axes = np.stack([tangent[k], np.cross([0, 0, 1.0], tangent[k]), [0.0, 0.0, 1.0]], 1)
        parts += [Part(p.mesh.moved(axes, knots[k] + [0, 0, size * 1.4]), p.material, p.slot) for p in unit]
    parts.append(Part(links.chain(rng, path + np.array([0, 0, size * 0.7]), size * 0.35, "box"), metal, "metal"))
    return poses.lying(rng, Piece("tennis", tuple(parts)), 0.02)
