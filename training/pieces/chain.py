"""A chain alone: necklace or bracelet, fine to heavy, with a clasp."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import merge
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one to three chains."""
    parts = []
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))
    size = float(rng.uniform(1.0, 2.0))
    for i in range(count):
        metal = materials.metal(rng)
        width = float(np.exp(rng.uniform(np.log(0.015), np.log(0.16))))
        path = links.drape(rng, None, size) + np.array([0, 0.2 * i, width * 1.1 + 0.05 * i])
        work = [links.chain(rng, path, width)]
        if rng.random() < 0.6:
            work.append(links.clasp(rng, path[0], max(width * 1.3, 0.05)))
        parts.append(Part(merge(work), metal, "metal"))
    return poses.lying(rng, Piece("chain", tuple(parts)), 0.02)
