"""HELD OUT. Brooch: leaves or rays of openwork about a large stone, with pearls and a pin."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import circle, merge, sphere, spline, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one brooch."""
    metal, stone = materials.metal(rng), materials.stone(rng)
    wire = float(rng.uniform(0.02, 0.05))
    leaves = int(rng.integers(3, 9))
    work, parts = [], []
    pearl = materials.stone(rng)
    for k in range(leaves):
        a = 2 * np.pi * k / leaves + rng.uniform(-0.1, 0.1)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        u = np.linspace(0, 1, 40)
        wide = float(rng.uniform(0.12, 0.3)) * np.sin(np.pi * u**0.8)
        for side in (-1, 1):
            edge = np.stack([0.3 + 0.8 * u, side * wide + 0.1 * u**2, 0.12 * np.sin(3 * u)], 1)
            work.append(tube(edge @ turn.T, wire, circle(8)))
        vein = np.stack([0.3 + 0.8 * u, 0.1 * u**2, 0.12 * np.sin(3 * u)], 1)
        work.append(tube(vein @ turn.T, wire * 0.8, circle(8)))
        for v in (0.3, 0.5, 0.7):
            i = int(v * 39)
            rib = np.stack([vein[i], (vein[i] + [0.06, wide[i] * 0.5, 0]), vein[i] + [0.1, wide[i] * 0.9, 0]])
            work.append(tube(rib @ turn.T, wire * 0.6, circle(6)))
            work.append(tube((rib * [1, -1, 1] + [0, 2 * vein[i, 1], 0]) @ turn.T, wire * 0.6, circle(6)))
        if rng.random() < 0.5:
            parts.append(Part(sphere(0.09, 20).moved(offset=turn @ [1.15, 0.1, 0.05]), pearl, "stone"))
    pin = spline(np.array([[-1.2, -0.2, -0.12], [0, -0.25, -0.15], [1.0, -0.2, -0.1], [1.35, -0.15, -0.05]]), 40)
    work.append(tube(pin, 0.02, circle(8)))
    head = (
        mounts.cabochon_set(rng, 0.33, metal, stone) if rng.random() < 0.5 else mounts.claw_set(rng, 0.33, metal, stone)
    )
    parts += [*head, Part(merge(work), metal, "metal")]
    return poses.lying(rng, Piece("brooch", tuple(parts)), 0.3)
