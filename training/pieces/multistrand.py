"""Many strands of mixed beads and thread, as a collar or a bracelet: dense, with small openings."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import circle, frames, instances, resample, sphere, spline, tube
from training.piece import Part, Piece
from training.pieces.drops import bead


def make(rng: np.random.Generator) -> Piece:
    """Draw one multi-strand piece."""
    base = resample(links.drape(rng, str(rng.choice(["u", "loop"])), float(rng.uniform(1.0, 1.6))), 0.1)
    kinds = [materials.stone(rng) for _ in range(int(rng.integers(2, 6)))]
    shapes = [bead(rng, 1.0) if rng.random() < 0.5 else sphere(1.0, 16) for _ in kinds]
    small = float(rng.uniform(0.03, 0.08))
    thread = materials.cord(rng) if rng.random() < 0.6 else materials.metal(rng)
    slot = "other" if thread.kind == "matte" else "metal"
    spots: list[list[np.ndarray]] = [[] for _ in kinds]
    axes: list[list[np.ndarray]] = [[] for _ in kinds]
    parts = []
    spread = float(rng.uniform(0.1, 0.35))
    density = float(rng.uniform(0.15, 0.8))
    for _ in range(int(rng.integers(3, 10))):
        wander = np.stack(
            [np.convolve(rng.normal(0, spread, len(base) + 8), np.ones(9) / 3, "valid") for _ in range(3)], 1
        )
        line = base + wander * [1, 1, 0]
        line[:, 2] = small + np.abs(wander[:, 2]) * 0.6
        line = spline(line[::3], 600)
        parts.append(Part(tube(resample(line, 0.03), small * 0.16, circle(6)), thread, slot))
        knots = resample(line, small * 2.1)
        tangent, normal, binormal = frames(knots)
        turn = np.stack([normal, tangent, binormal], -1)
        which = rng.integers(0, len(kinds), len(knots))
        use = rng.random(len(knots)) < density
        for i in range(len(kinds)):
            mine = use & (which == i)
            spots[i].append(knots[mine])
            axes[i].append(turn[mine] * (small * rng.uniform(0.7, 1.15, mine.sum()))[:, None, None])
    for i, material in enumerate(kinds):
        where = np.concatenate(spots[i])
        if len(where):
            parts.append(Part(instances(shapes[i], np.concatenate(axes[i]), where), material, "stone"))
    metal = materials.metal(rng)
    parts.append(Part(links.clasp(rng, base[0] + [0, 0, small], 0.12), metal, "metal"))
    return poses.lying(rng, Piece("multistrand", tuple(parts)), 0.02)
