"""Ring with one claw-set stone, often with a halo, side stones or a pavé shank."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import circle, ring_path, rounded, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one solitaire."""
    metal = materials.metal(rng)
    stone = materials.clear(rng) if rng.random() < 0.85 else materials.stone(rng)
    wide, high = rng.uniform(0.05, 0.13), rng.uniform(0.04, 0.1)
    t = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    taper = 1 - rng.uniform(0, 0.45) * np.exp(-(((t - np.pi / 2) / 0.7) ** 2))
    section = rounded(16, rng.uniform(2, 5), wide, high)
    parts = [Part(tube(ring_path(1.0), taper, section, closed=True), metal, "metal")]
    radius = float(rng.uniform(0.14, 0.42))
    head = mounts.claw_set(rng, radius, metal, stone)
    if rng.random() < 0.3:
        small = float(rng.uniform(0.035, 0.06))
        head += mounts.halo(radius + 1.5 * small, small, metal, materials.clear(rng, "diamond"))
    up = np.array([0.0, 1.0, 0.0])
    parts += mounts.placed(head, up, up * (1.0 + high * 0.6 + radius * 0.9))
    if rng.random() < 0.3:
        for side in (-1, 1):
            at = np.pi / 2 + side * (0.2 + 1.5 * radius)
            out = np.array([np.cos(at), np.sin(at), 0])
            parts += mounts.placed(
                mounts.claw_set(rng, radius * 0.55, metal, stone), out, out * (1.0 + high + radius * 0.3)
            )
    if rng.random() < 0.35:
        small = min(wide * 0.75, 0.06)
        span = rng.uniform(0.5, 1.1)
        for side in (-1, 1):
            count = int(span / (2.2 * small))
            at = np.pi / 2 + side * (0.25 + radius + np.arange(count) * 2.2 * small)
            out = np.stack([np.cos(at), np.sin(at), 0 * at], 1)
            parts += mounts.pave(out * (1 + wide), out, small, metal, materials.clear(rng, "diamond"))
    if rng.random() < 0.1:
        parts.append(
            Part(tube(ring_path(1.0) + np.array([0, 0, 3 * high]), 0.03, circle(10), closed=True), metal, "metal")
        )
    return poses.ring(rng, Piece("solitaire", tuple(parts)))
