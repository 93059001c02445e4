"""Pendant or belt-buckle-like setting of one or more large smooth stones: big plain areas of stone."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import circle, merge, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import hook
from training.pieces.pendant import hung
from training.pieces.statement_ring import big_stone, collar


def make(rng: np.random.Generator) -> Piece:
    """Draw large stones on a chain, a cord, ear wires or loose side by side."""
    metal = materials.metal(rng)
    material = materials.gemlike(rng) if rng.random() < 0.55 else materials.stone(rng)
    radius = float(rng.uniform(0.6, 1.1))
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.15, 0.15]))
    drop: list[Part] = []
    y, spots = 0.0, []
    for k in range(count):
        size = radius * float(rng.uniform(0.6, 1.0)) * (1 if k == 0 else 0.7)
        stone = big_stone(rng, size)
        tall = float(np.ptp(stone.points[:, 1])) / 2
        y += tall if k == 0 else tall + 0.1
        at = np.array([0, y, -float(stone.points[:, 2].min()) + 0.02])
        drop.append(Part(stone.moved(offset=at), material, "stone"))
        if rng.random() < 0.85:
            drop.append(Part(collar(rng, stone, size).moved(offset=at), metal, "metal"))
        if k:
            spots.append(y - tall - 0.05)
        y += tall
    joints = [torus(0.08, 0.025, 24, 8).moved(offset=(0, spot, 0.1)) for spot in [*spots, y + 0.06]]
    drop.append(Part(merge(joints), metal, "metal"))
    top = y + 0.12
    way = rng.random()
    if way < 0.7:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.3, 2.3)))
        if way < 0.5:
            parts = hung(rng, drop, top, metal, path, float(rng.uniform(0.02, 0.07)))
        else:
            low = path[np.argmin(path[:, 1])]
            parts = [Part(p.mesh.moved(offset=low - [0, top, 0]), p.material, p.slot) for p in drop]
            cord = tube(path + np.array([0, 0, 0.06]), float(rng.uniform(0.025, 0.06)), circle(8))
            parts.append(Part(cord, materials.cord(rng), "other"))
        return poses.lying(rng, Piece("big_cabochon", tuple(parts)).sized(float(rng.uniform(1.3, 1.8))), 0.03)
    drop.append(Part(hook(rng, 0.03).moved(offset=(0, top + 0.05, 0.05)), metal, "metal"))
    one = Piece("big_cabochon", tuple(drop)).rested()
    pair = [one.moved(offset=(k * float(rng.uniform(1.8, 2.6)), rng.normal(0, 0.15), 0)) for k in range(2)]
    return poses.turned(rng, Piece("big_cabochon", tuple(q for p in pair for q in p.parts)).sized(1.4))
