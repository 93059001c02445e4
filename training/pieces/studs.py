"""Stud earrings seen from the front, in pairs or sets: pearls, claw stones, discs, balls, knots, flowers, bars."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import cabochon, circle, lathe, merge, noise, sphere, torus, tube
from training.piece import Part, Piece
from training.pieces.charms import figure
from training.plates import plate


def _front(rng: np.random.Generator) -> list[Part]:
    """Return one stud of radius about 1 that looks along +z."""
    metal = materials.metal(rng)
    kind = rng.choice(["pearl", "claw", "halo", "disc", "ball", "knot", "figure", "cabochon", "bar", "cluster"])
    if kind == "pearl":
        cup = lathe(np.array([[0, -0.95], [0.45, -0.9], [0.6, -0.75], [0.5, -0.8], [0, -0.85]]), 40)
        return [Part(sphere(1.0, 48), materials.pearl(rng), "stone"), Part(cup, metal, "metal")]
    if kind == "claw":
        return mounts.claw_set(rng, 1.0, metal, materials.clear(rng))
    if kind == "halo":
        small = float(rng.uniform(0.1, 0.18))
        parts = mounts.claw_set(rng, 0.7, metal, materials.stone(rng))
        return parts + mounts.halo(0.72 + 1.6 * small, small, metal, materials.clear(rng, "diamond"))
    if kind == "disc":
        r, dome = np.linspace(0, 1, 40), float(rng.uniform(-0.25, 0.4))
        z = dome * (1 - r**2)
        face = lathe(np.concatenate([np.stack([r, z], 1), [[1.02, -0.05], [1.0, -0.1], [0, -0.1]]]), 96)
        if rng.random() < 0.5:
            face = face.displaced(0.04 * noise(face.points, rng, float(rng.uniform(4, 12)), 1))
        return [Part(face, metal, "metal")]
    if kind == "ball":
        return [Part(sphere(0.8, 48), metal, "metal")]
    if kind == "knot":
        t = np.linspace(0, 2 * np.pi, 260, endpoint=False)
        p, q = [(2, 3), (3, 4), (3, 5), (2, 5)][int(rng.integers(4))]
        r = 0.66 + 0.34 * np.cos(q * t)
        path = np.stack([r * np.cos(p * t), r * np.sin(p * t), 0.3 * np.sin(q * t)], 1)
        return [Part(tube(path, float(rng.uniform(0.1, 0.2)), circle(12), closed=True), metal, "metal")]
    if kind == "figure":
        solids, holes = figure(rng, str(rng.choice(["star", "heart", "moon", "flower", "leaf", "bolt", "drop"])))
        return [Part(plate(solids, holes, float(rng.uniform(0.1, 0.3)), 0.07), metal, "metal")]
    if kind == "cabochon":
        return mounts.cabochon_set(rng, 0.95, metal, materials.stone(rng))
    if kind == "bar":
        count = int(rng.integers(3, 6))
        x = (np.arange(count) - (count - 1) / 2) * 2.2 / count
        spots = np.stack([x, 0 * x, 0 * x], 1)
        stones = mounts.pave(spots, np.tile([0, 0, 1.0], (count, 1)), 1.0 / count, metal, materials.clear(rng))
        return [*stones, Part(cabochon(1.15, 1.3 / count, 0.05).moved(offset=(0, 0, -0.25)), metal, "metal")]
    stone, count = materials.stone(rng), int(rng.integers(4, 8))
    parts = mounts.claw_set(rng, 0.4, metal, materials.clear(rng))
    for k in range(count):
        a = 2 * np.pi * k / count
        at = (0.72 * np.cos(a), 0.72 * np.sin(a), -0.05)
        if stone.kind == "clear":
            parts += mounts.shifted(mounts.claw_set(rng, 0.3, metal, stone), at)
        else:
            parts.append(Part(sphere(0.3, 28).moved(offset=at), stone, "stone"))
    return [*parts, Part(torus(0.7, 0.08, 48, 8).moved(offset=(0, 0, -0.25)), metal, "metal")]


def make(rng: np.random.Generator) -> Piece:
    """Draw one to three pairs of studs; some lie, some stick in something and face the camera."""
    pairs = int(rng.choice([1, 2, 3], p=[0.75, 0.15, 0.1]))
    parts: list[Part] = []
    for row in range(pairs):
        front = _front(rng)
        metal = next(part.material for part in reversed(front) if part.slot == "metal")
        low = min(float(part.mesh.points[:, 2].min()) for part in front)
        post = [tube(np.array([[0, 0, low + 0.1], [0, 0, low - 0.8], [0, 0, low - 1.5]]), 0.07, circle(10))]
        if rng.random() < 0.6:  # the butterfly that holds it behind the ear
            for side in (-1, 1):
                post.append(torus(0.26, 0.06, 28, 8).moved(np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]])))
                post[-1] = post[-1].moved(offset=(side * 0.28, 0, low - 1.0))
        stuck = rng.random() < 0.55
        one = Piece("studs", tuple(front) if stuck else (*front, Part(merge(post), metal, "metal")))
        gap = float(rng.uniform(2.4, 4.5))
        for side in (-1, 1):
            tilt = 0.12 if stuck else float(rng.uniform(0.2, 1.6))
            laid = poses.lying(rng, one, tilt).rested() if not stuck else one.rested()
            if not stuck and rng.random() < 0.5:  # on its side, the post on the table
                laid = one.moved(np.array([[1, 0, 0], [0, 0.35, 0.94], [0, -0.94, 0.35]])).rested()
            at = (side * gap / 2, row * 2.8 + rng.normal(0, 0.15), 0)
            parts += laid.moved(offset=at).parts
    return poses.lying(rng, Piece("studs", tuple(parts)).sized(float(rng.uniform(0.8, 1.5))), 0.02)
