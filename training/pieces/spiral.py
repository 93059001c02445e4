"""Wire wound in flat spirals, coils and springs: earrings, pendants, rings and memory-wire bracelets."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Array, Mesh, circle, merge, noise, rotation, rounded, sphere, tube
from training.piece import Part, Piece
from training.pieces.drops import hook


def _flat(rng: np.random.Generator, turns: float) -> Array:
    """Return a spiral [N, 3] of radius 1, from its middle outwards."""
    t = np.linspace(0, 1, int(60 * turns))
    radius = 0.05 + 0.95 * t ** float(rng.uniform(0.7, 1.2))
    a = 2 * np.pi * turns * t
    return np.stack([radius * np.cos(a), radius * np.sin(a), 0 * a], 1)


def _coil(rng: np.random.Generator, turns: float, pitch: float) -> Array:
    """Return a spring [N, 3] of radius 1 about z, wound unevenly."""
    a = np.linspace(0, 2 * np.pi * turns, int(70 * turns))
    wobble = 1 + 0.04 * np.sin(a * float(rng.uniform(0.1, 0.4))) * float(rng.uniform(0, 1))
    lift = pitch * a / (2 * np.pi) + pitch * 0.3 * np.sin(a * float(rng.uniform(0.05, 0.3)))
    return np.stack([wobble * np.cos(a), wobble * np.sin(a), lift], 1)


def make(rng: np.random.Generator) -> Piece:
    """Draw a pair of spirals, one spiral pendant, a coil ring or a coil bracelet, some strung with beads."""
    metal = materials.metal(rng)
    section = circle(10) if rng.random() < 0.6 else rounded(12, 5.0, float(rng.uniform(0.3, 0.7)), 1.0)
    if rng.random() < 0.5:
        turns = float(rng.uniform(1.5, 6))
        wire = float(rng.uniform(0.15, 0.38)) / turns

        path = _flat(rng, turns)

        def wound() -> list[Mesh]:
            body = tube(path, wire, section)
            if rng.random() < 0.3:  # hammered
                body = body.displaced(0.15 * wire * noise(body.points, rng, 14, 1))
            eye = tube(np.array([path[-1], path[-1] + [0, 0.12, 0], path[-1] + [0.02, 0.24, 0.04]]), wire, circle(8))
            return [body, eye, sphere(1.3 * wire, 12).moved(offset=path[0])]

        if rng.random() < 0.6:
            pair = []
            for _ in range(2):
                work = wound()
                ear = hook(rng, float(rng.uniform(0.02, 0.035))).moved(offset=path[-1] + np.array([0, 0.34, 0]))
                one = Piece("spiral", (Part(merge([*work, ear]), metal, "metal"),))
                pair.append(poses.lying(rng, one, 0.1).rested())
            both = Piece("spiral", poses.beside(pair, 2.6, 0.2))
            return poses.turned(rng, both.sized(float(rng.uniform(1.1, 1.6))))
        parts = [Part(merge(wound()), metal, "metal")]
        if rng.random() < 0.4:
            parts += mounts.shifted(mounts.cabochon_set(rng, 0.2, metal, materials.stone(rng)), (0, 0, wire))
        return poses.lying(rng, Piece("spiral", tuple(parts)).sized(float(rng.uniform(0.9, 1.4))), 0.5)
    turns = float(rng.uniform(1.4, 7))
    wire = float(rng.uniform(0.02, 0.08))
    path = _coil(rng, turns, wire * float(rng.uniform(1.8, 4.5)))
    parts = [Part(tube(path, wire, section), metal, "metal")]
    for end in (path[0], path[-1]):
        parts.append(Part(sphere(1.6 * wire, 14).moved(offset=end), metal, "metal"))
    if rng.random() < 0.4:
        size, step = wire * float(rng.uniform(1.3, 2.2)), int(rng.integers(4, 14))
        bead = materials.pearl(rng) if rng.random() < 0.3 else materials.stone(rng)
        spots = path[5:-5:step]
        parts.append(Part(merge([sphere(size, 14).moved(offset=p) for p in spots[:260]]), bead, "stone"))
    piece = Piece("spiral", tuple(parts)).sized(float(rng.uniform(0.9, 1.4)))
    if rng.random() < 0.5:
        return poses.turned(rng, piece.moved(rotation((1, 0, 0), float(rng.uniform(1.2, 1.57)))))
    return poses.lying(rng, piece, 0.3)
