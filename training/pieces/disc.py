"""Pendant with a large plain surface: coin, locket, bar, shield or leaf, smooth or stamped, on a chain or cord."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import circle, merge, noise, resample, torus, tube
from training.geometry import lathe as turn
from training.piece import Part, Piece
from training.pieces.pendant import hung


def make(rng: np.random.Generator) -> Piece:
    """Draw one disc pendant."""
    metal = materials.metal(rng)
    radius = float(rng.uniform(0.35, 0.9))
    dome, edge = float(rng.uniform(-0.08, 0.25)), float(rng.uniform(0.02, 0.06))
    r = np.concatenate([[0.0], np.linspace(0.03, 0.97, 48), [1.0, 1.0, 0.97, 0.0]])
    z = np.concatenate(
        [[edge + dome], edge + dome * (1 - np.linspace(0.03, 0.97, 48) ** 2), [edge * 0.6, -edge * 0.6, -edge, -edge]]
    )
    body = turn(np.stack([r * radius, z * radius], 1), 128)
    kind = rng.random()
    p = body.points
    if kind < 0.4:
        body = body.displaced(
            float(rng.uniform(0.005, 0.02)) * radius * noise(p / radius, rng, float(rng.uniform(3, 14)), 2)
        )
    elif kind < 0.7:  # stamped lines or rings
        far = np.hypot(p[:, 0], p[:, 1]) / radius
        field = (
            np.sin(far * rng.uniform(12, 40))
            if rng.random() < 0.5
            else noise(p / radius, rng, float(rng.uniform(6, 12)), 1)
        )
        body = body.displaced(-0.02 * radius * (field > 0.55) * (far < 0.9))
    shape = rng.random()
    if shape < 0.2:
        body = body.moved(np.diag([rng.uniform(0.25, 0.7), 1.0, 1.0]))
    elif shape < 0.4:
        q = body.points / radius
        pull = 1 + 0.25 * np.cos(np.arctan2(q[:, 1], q[:, 0]) * int(rng.integers(3, 7)) + np.pi / 2)
        body = type(body)(body.points * np.stack([pull, pull, np.ones_like(pull)], 1), body.faces)
    drop = [Part(body.moved(offset=(0, 0, edge * radius + 0.01)), metal, "metal")]
    if rng.random() < 0.2:  # enamel or inlay
        face = turn(np.array([[0.0, 0.0], [0.72, 0.0], [0.74, -0.03], [0.0, -0.03]]) * radius, 64)
        drop.append(
            Part(
                face.moved(offset=(0, 0, (2 * edge + max(dome, 0)) * radius + 0.035 * radius)),
                materials.opaque(rng),
                "stone",
            )
        )
    top = float(body.points[:, 1].max())
    path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.2, 2.0)))
    way = rng.random()
    if way < 0.65:
        parts = hung(rng, drop, top, metal, path, float(rng.uniform(0.018, 0.06)))
    elif way < 0.85:
        lowest = path[np.argmin(path[:, 1])]
        parts = [Part(q.mesh.moved(offset=lowest - [0, top + 0.05, 0]), q.material, q.slot) for q in drop]
        parts.append(
            Part(
                tube(resample(path, 0.04) + np.array([0, 0, 0.03]), float(rng.uniform(0.015, 0.04)), circle(8)),
                materials.cord(rng),
                "other",
            )
        )
        ring = torus(0.07, 0.018, 28, 8).moved(
            np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]]), lowest + np.array([0, -0.02, 0.05])
        )
        parts.append(Part(ring, metal, "metal"))
    else:
        parts = [*drop, Part(merge([torus(0.08, 0.02, 28, 8).moved(offset=(0, top + 0.06, 0.02))]), metal, "metal")]
    return poses.lying(rng, Piece("disc", tuple(parts)), 0.03)
