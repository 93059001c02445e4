"""HELD OUT. Chandelier earrings: an openwork fan with rows of drops below, on ear wires."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import circle, merge, ring_path, sphere, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import bead, hook


def make(rng: np.random.Generator) -> Piece:
    """Draw a pair of chandelier earrings."""
    metal, stone, second = materials.metal(rng), materials.stone(rng), materials.stone(rng)
    wire = float(rng.uniform(0.018, 0.035))
    work = [hook(rng, wire).moved(offset=(0, 0.65, 0))]
    for radius in (0.6, 0.42, 0.24):
        work.append(tube(ring_path(radius, 50, np.pi, 2 * np.pi) + np.array([0, 0.1, 0]), wire, circle(8)))
    work.append(tube(np.array([[-0.6, 0.1, 0], [0, 0.12, 0], [0.6, 0.1, 0]]), wire, circle(8)))
    for side in (-1, 1):
        work.append(tube(np.array([[0, 0.62, 0], [side * 0.28, 0.4, 0], [side * 0.6, 0.1, 0]]), wire, circle(8)))
    parts: list[Part] = []
    count = int(rng.integers(3, 8))
    drop = bead(rng, float(rng.uniform(0.06, 0.11)))
    for a in np.linspace(np.pi * 1.05, np.pi * 1.95, count):
        top = np.array([0.6 * np.cos(a), 0.1 + 0.6 * np.sin(a), 0])
        long = 0.25 + 0.35 * abs(np.sin(a)) * rng.uniform(0.6, 1.2)
        line = np.linspace(top, top - [0, long, 0], 30)
        work.append(links.chain(rng, line, wire * 1.6, "cable"))
        work.append(torus(0.03, wire * 0.6, 16, 6).moved(offset=top))
        parts.append(Part(drop.moved(offset=top - [0, long + 0.1, 0]), stone, "stone"))
        parts.append(
            Part(sphere(0.04, 12).moved(offset=(top + np.array([0, 0.1, 0])) * [0.85, 0.85, 1]), second, "stone")
        )
    parts += mounts.shifted(mounts.claw_set(rng, 0.12, metal, second), (0, 0.35, 0.05))
    parts.append(Part(merge(work), metal, "metal"))
    one = Piece("chandelier", tuple(parts))
    pair = [poses.lying(rng, one, 0.15).rested() if rng.random() < 0.4 else one.rested() for _ in range(2)]
    both = tuple(p for i, q in enumerate(pair) for p in q.moved(offset=(1.5 * i, 0.1 * i, 0)).parts)
    return poses.turned(rng, Piece("chandelier", both).sized(1.4))
