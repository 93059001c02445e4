"""Ring without stones: plain, court, knife edge, hammered, twisted, grooved, brushed; singles, pairs and stacks."""

from __future__ import annotations

import numpy as np

from training import materials, poses
from training.geometry import Mesh, circle, merge, noise, ring_path, rotation, rounded, tube
from training.piece import Part, Piece


def _one(rng: np.random.Generator) -> Mesh:
    width, thick = float(rng.uniform(0.05, 0.38)), float(rng.uniform(0.04, 0.1))
    path = ring_path(1.0, 192)
    kind = rng.choice(
        ["plain", "hammered", "twisted", "grooved", "braided", "wave"], p=[0.3, 0.2, 0.15, 0.1, 0.15, 0.1]
    )
    t = np.linspace(0, 2 * np.pi, 192, endpoint=False)
    if kind == "braided":
        turns, size = int(rng.integers(10, 26)), float(rng.uniform(0.04, 0.1))
        strands = []
        for phase in np.arange(count := int(rng.integers(2, 4))) * 2 * np.pi / count:
            long = np.linspace(0, 2 * np.pi, 480, endpoint=False)
            r = 1 + size * np.cos(turns * long + phase)
            line = np.stack([r * np.cos(long), r * np.sin(long), size * np.sin(turns * long + phase)], 1)
            strands.append(tube(line, size * 0.9, circle(10), closed=True))
        return merge(strands)
    if kind == "twisted":
        section = rounded(16, 4.0, thick * 1.3, thick * 0.6)
        return tube(ring_path(1.0, 360), 1.0, section, closed=True, twist=2 * np.pi * int(rng.integers(4, 16)))
    if kind == "wave":
        path[:, 2] = 0.08 * np.sin(t * int(rng.integers(3, 9)))
    # The frame's normal of a ring about z is z: width along it.
    section = rounded(40, float(rng.uniform(2, 8)), width, thick)
    band = tube(path, 1.0, section, closed=True)
    if kind == "hammered":
        bumps = noise(band.points, rng, float(rng.uniform(8, 24)), 1)
        return band.displaced(0.22 * thick * np.minimum(bumps, 0.3))
    if kind == "grooved":
        return band.displaced(0.15 * thick * np.sign(np.sin(band.points[:, 2] * rng.uniform(30, 70))))
    return band


def make(rng: np.random.Generator) -> Piece:
    """Draw one band, sometimes two or three side by side."""
    metal = materials.metal(rng)
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))
    parts = []
    for i in range(count):
        other = metal if rng.random() < 0.6 else materials.metal(rng)
        ring = poses.ring(rng, Piece("band", (Part(_one(rng), other, "metal"),))).rested()
        angle = 2.1 * i + rng.uniform(-0.3, 0.3)
        shift = (1.15 if count > 1 else 0) * np.array([np.cos(angle), np.sin(angle), 0])
        parts += ring.moved(rotation((0, 0, 1), 0.0), shift).parts
    return Piece("band", tuple(parts)).sized(1.0 if count == 1 else 1.5)
