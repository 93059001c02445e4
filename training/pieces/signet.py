"""Signet ring: a broad plain or engraved plate on a heavy shank."""

from __future__ import annotations

import numpy as np

from training import materials, poses
from training.geometry import Mesh, lathe, noise, ring_path, rounded, tube
from training.mounts import placed
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one signet ring."""
    metal = materials.metal(rng)
    t = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    plate = float(rng.uniform(0.35, 0.65))
    swell = 1 + (plate / 0.16 - 1) * np.exp(-(((t - np.pi / 2) / float(rng.uniform(0.35, 0.6))) ** 2))
    parts = [Part(tube(ring_path(1.0, 160), swell, rounded(24, 3, 0.16, 0.06), closed=True), metal, "metal")]
    r = np.array([0, *np.linspace(0.05, 0.93, 30), 1.0, 1.0, 0.8, 0]) * plate
    z = np.array([0.1, *np.full(30, 0.1), 0.07, -0.08, -0.25, -0.25])
    top = lathe(np.stack([r, z], 1), 96)
    if rng.random() < 0.5:
        field = noise(top.points / plate, rng, float(rng.uniform(5, 12)), 1)
        top = Mesh(
            top.points - np.array([0, 0, 0.025]) * ((field > 0.4) & (top.points[:, 2] > 0.09))[:, None], top.faces
        )
    top = top.moved(np.diag([1.0, float(rng.uniform(0.75, 1.0)), 1.0]))
    inlay = rng.random() < 0.35
    head = [Part(top, metal, "metal")]
    if inlay:
        disc = lathe(np.array([[0, 0.14], [0.8, 0.14], [0.84, 0.1], [0.84, 0.0], [0, 0.0]]) * [plate, 1], 64)
        head.append(Part(disc, materials.opaque(rng), "stone"))
    up = np.array([0.0, 1.0, 0.0])
    parts += placed(head, up, up * (1.0 + float(rng.uniform(0.05, 0.15))))
    return poses.ring(rng, Piece("signet", tuple(parts)))
