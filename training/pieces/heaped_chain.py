"""A chain put down as it comes: gathered in a heap, coiled, hanging, in layers, running off the frame; hair to rope."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import merge
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one chain, in rare cases two of different metal."""
    parts: list[Part] = []
    metals = materials.two_metals(rng) if rng.random() < 0.2 else (materials.metal(rng),)
    size = float(rng.uniform(0.9, 1.8))
    for metal in metals:
        width = float(np.exp(rng.uniform(np.log(0.005), np.log(0.13))))
        path = links.heaped(rng, None, size, max(2.2 * width, 0.02))
        length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        width = max(width, length * len(metals) / 1500)  # keeps the links below 400,000 triangles
        kind = str(rng.choice([*links.KINDS, *links.MORE]))
        if kind in ("rope", "ball", "snake", "wheat", "foxtail"):
            width = max(width, length * len(metals) / 500)
        if kind in ("herringbone", "snake"):
            width = min(width, 0.06)
        body = links.chain(rng, path + np.array([0, 0, width]), width, kind)
        work = [body]
        if rng.random() < 0.7:
            size = max(1.3 * width, 0.05)
            ends = [
                links.lobster(size),
                links.toggle(size),
                links.box_clasp(size),
                links.jump_ring(rng, size, 0.3 * size),
            ]
            for at, before in ((path[0], path[12]), (path[-1], path[-13])):
                if rng.random() < 0.7:
                    out = (at - before) * [1, 1, 0] / max(float(np.linalg.norm((at - before)[:2])), 1e-9)
                    axes = np.stack([out, np.cross([0, 0, 1.0], out), [0, 0, 1.0]], 1)
                    end = ends[int(rng.integers(4))]
                    reach = -float(end.points[:, 0].min()) * 0.85
                    work.append(end.moved(axes, at + out * reach + np.array([0, 0, width])))
        parts.append(Part(merge(work), metal, "metal"))
    return poses.turned(rng, Piece("heaped_chain", tuple(parts)))
