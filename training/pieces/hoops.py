"""Hoop earrings: a pair or one, thin wire to wide and hollow, plain, twisted, with drops."""

from __future__ import annotations

import numpy as np

from training import materials, poses
from training.geometry import circle, merge, noise, ring_path, rounded, sphere, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw a pair of hoops."""
    metal = materials.metal(rng)
    thick = float(np.exp(rng.uniform(np.log(0.015), np.log(0.2))))
    gap = float(rng.uniform(0.05, 0.5))
    path = ring_path(1.0, 160, np.pi / 2 + gap, np.pi / 2 + 2 * np.pi - 0.05)
    swell = 1 - rng.uniform(0, 0.7) * np.abs(np.linspace(-1, 1, 160)) ** 2
    twist = float(rng.choice([0.0, rng.uniform(20, 90)], p=[0.7, 0.3]))
    section = circle(14) if twist == 0 else rounded(16, 4, 1.0, 0.5)
    if rng.random() < 0.3:
        section = rounded(20, 4, float(rng.uniform(1.5, 4)), 0.5)
    body = tube(path, thick * swell, section, twist=twist)
    if rng.random() < 0.2:
        body = body.displaced(0.15 * thick * noise(body.points, rng, 14.0, 1))
    post = tube(
        np.stack([path[-1], path[-1] + [0.02, 0.1, 0], path[0] + [0, 0.02, 0]]), min(thick * 0.6, 0.03), circle(8)
    )
    work = [body, post]
    parts = []
    if rng.random() < 0.3:
        size = float(rng.uniform(0.05, 0.16))
        parts.append(Part(sphere(size, 24).moved(offset=(0, -1 - thick - size, 0)), materials.stone(rng), "stone"))
    parts.append(Part(merge(work), metal, "metal"))
    one = Piece("hoops", tuple(parts))
    pair = [poses.lying(rng, one, 0.3).rested()]
    if rng.random() < 0.8:
        shift = np.array([rng.uniform(0.9, 2.2), rng.uniform(-0.6, 0.6), 0])
        pair.append(poses.lying(rng, one, 0.3).rested().moved(offset=shift))
    return Piece("hoops", tuple(part for p in pair for part in p.parts)).sized(1.3)
