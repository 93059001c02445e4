"""Bangle or cuff: round, oval or open, plain, hammered, engraved, with end knobs or inlay."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import circle, merge, noise, ring_path, rounded, sphere, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one bangle."""
    metal = materials.metal(rng)
    opened = rng.random() < 0.45
    gap = float(rng.uniform(0.15, 0.5)) if opened else 0.0
    path = ring_path(1.0, 256, np.pi / 2 + gap, np.pi / 2 + 2 * np.pi - gap)
    oval = float(rng.uniform(0.72, 1.0))
    path = path * [1.0, oval, 1.0]
    tall, thick = float(rng.uniform(0.03, 0.45)), float(rng.uniform(0.025, 0.06))
    section = (
        rounded(48, float(rng.uniform(2, 9)), tall, thick)
        if rng.random() < 0.75
        else circle(20) * rng.uniform(0.03, 0.1)
    )
    body = tube(path, 1.0, section, closed=not opened)
    finish = rng.random()
    if finish < 0.25:
        body = body.displaced(0.3 * thick * np.minimum(noise(body.points, rng, float(rng.uniform(8, 22)), 1), 0.3))
    elif finish < 0.4:
        angle = np.arctan2(body.points[:, 1], body.points[:, 0])
        body = body.displaced(
            0.2 * thick * np.sign(np.sin(angle * rng.integers(20, 60) + body.points[:, 2] * rng.uniform(-40, 40)))
        )
    work, parts = [body], []
    if opened and rng.random() < 0.5:
        knob = float(rng.uniform(0.07, 0.14))
        balls = [sphere(knob, 24).moved(offset=path[k]) for k in (0, -1)]
        if rng.random() < 0.4:
            parts.append(Part(merge(balls), materials.stone(rng), "stone"))
        else:
            work += balls
    if rng.random() < 0.25:
        up = np.array([0.0, -1.0, 0.0])
        parts += mounts.placed(
            mounts.cabochon_set(rng, float(rng.uniform(0.15, 0.4)), metal, materials.stone(rng)), up, up * (oval + 0.06)
        )
    parts.append(Part(merge(work), metal, "metal"))
    piece = Piece("bangle", tuple(parts))
    return poses.ring(rng, piece) if rng.random() < 0.5 else poses.lying(rng, piece, 0.6)
