"""HELD OUT. Link bracelet with many different charms, beads and stones that hang from it on jump rings."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import merge, resample, torus
from training.piece import Part, Piece
from training.pieces.charms import cut
from training.pieces.drops import bead


def make(rng: np.random.Generator) -> Piece:
    """Draw one charm bracelet."""
    metal, other = materials.metal(rng), materials.metal(rng)
    stones = [materials.stone(rng) for _ in range(2)]
    width = float(rng.uniform(0.04, 0.08))
    path = links.drape(rng, str(rng.choice(["loop", "u", "line"])), float(rng.uniform(1.0, 1.4)))
    path = path + np.array([0, 0, width])
    kind = str(rng.choice(["cable", "curb", "figaro", "rope", "belcher", "paperclip"]))
    work = [links.chain(rng, path, width, kind), links.clasp(rng, path[0], 0.1)]
    parts: list[Part] = []
    knots = resample(path, float(rng.uniform(0.35, 0.7)))
    for k in range(1, len(knots) - 1):
        way = knots[k + 1] - knots[k - 1]
        out = np.array([-way[1], way[0], 0]) / np.linalg.norm(way) * float(rng.choice([-1, 1], p=[0.8, 0.2]))
        out = out + rng.normal(0, 0.25, 3) * [1, 1, 0]
        out /= np.linalg.norm(out)
        axes = np.stack([np.cross(-out, [0, 0, 1.0]), -out, [0, 0, 1.0]], 1)
        size = float(rng.uniform(0.14, 0.26))
        if rng.random() < 0.7:
            charm = cut(rng, metal if rng.random() < 0.75 else other, size)
            parts += [
                Part(p.mesh.moved(axes, knots[k] + out * (1.25 * size + width)), p.material, p.slot) for p in charm
            ]
        else:
            ball = bead(rng, 0.55 * size)
            tall = float(ball.points[:, 1].max())
            at = knots[k] + out * (tall + 0.05 + width) + [0, 0, 0.3 * size]
            parts.append(Part(ball.moved(axes, at), stones[k % 2], "stone"))
        work.append(torus(0.06, 0.015, 20, 6).moved(offset=knots[k] + out * (width * 0.8)))
    parts.append(Part(merge(work), metal, "metal"))
    if rng.random() < 0.2:
        parts += mounts.shifted(mounts.claw_set(rng, 0.1, metal, materials.clear(rng)), knots[0] + [0, 0, 0.1])
    return poses.lying(rng, Piece("charm_bracelet", tuple(parts)), 0.02)
