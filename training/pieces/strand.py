"""Strand of pearls or beads on a thread, wire or chain: necklace or bracelet, even or graduated."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import circle, frames, instances, merge, resample, tube
from training.piece import Part, Piece
from training.pieces.drops import bead


def make(rng: np.random.Generator) -> Piece:
    """Draw one strand."""
    radius = float(np.exp(rng.uniform(np.log(0.04), np.log(0.25))))
    path = links.drape(rng, None, float(rng.uniform(0.9, 1.8)))
    knots = resample(path, radius * float(rng.uniform(1.9, 2.3)))
    tangent, normal, binormal = frames(knots)
    axes = np.stack([normal, tangent, binormal], -1)
    mixed = rng.random() < 0.4
    kinds = [materials.stone(rng) for _ in range(int(rng.integers(2, 5)) if mixed else 1)]
    if not mixed and rng.random() < 0.5:
        kinds = [materials.pearl(rng)]
    grade = (
        1 - rng.uniform(0, 0.5) * np.abs(np.linspace(-1, 1, len(knots))) if rng.random() < 0.4 else np.ones(len(knots))
    )
    which = rng.integers(0, len(kinds), len(knots))
    lift = [0, 0, radius]
    parts = []
    only = float(rng.uniform(0.5, 0.95)) if rng.random() < 0.25 else 2.0  # beads on part of the line
    use = rng.random(len(knots)) < only
    for index, material in enumerate(kinds):
        mesh = bead(rng, radius)
        mine = (which == index) & use
        if mine.any():
            parts.append(
                Part(instances(mesh, axes[mine] * grade[mine, None, None], knots[mine] + lift), material, "stone")
            )
    metal = materials.metal(rng)
    if rng.random() < 0.3:
        parts.append(Part(links.chain(rng, path + lift, min(radius * 0.4, 0.04), "cable"), metal, "metal"))
    elif rng.random() < 0.4:
        parts.append(Part(tube(resample(path, 0.03) + lift, radius * 0.15, circle(6)), metal, "metal"))
    else:
        parts.append(Part(tube(resample(path, 0.03) + lift, radius * 0.12, circle(6)), materials.cord(rng), "other"))
    parts.append(Part(merge([links.clasp(rng, path[0] + lift, max(radius * 0.6, 0.05))]), metal, "metal"))
    return poses.lying(rng, Piece("strand", tuple(parts)), 0.02)
