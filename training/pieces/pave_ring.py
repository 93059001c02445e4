"""Ring paved with small stones on a wide domed face, with side rows, a centre stone or crossing bands."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Array, ring_path, rounded, tube
from training.piece import Part, Piece


def make(rng: np.random.Generator) -> Piece:
    """Draw one pavé ring."""
    metal = materials.metal(rng)
    stone = materials.clear(rng, "diamond" if rng.random() < 0.55 else None)
    second = materials.clear(rng) if rng.random() < 0.3 else stone
    rows = int(rng.integers(2, 8))
    small = float(rng.uniform(0.035, 0.075))
    pitch = 2.12 * small
    half = rows * pitch / 2
    a = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    taper = float(rng.uniform(0.25, 1.0))  # the width at the back
    dome = float(rng.uniform(0.0, 0.4)) * half

    def share(angle: Array) -> Array:
        """Width at an angle, 1 at the front (+y)."""
        return taper + (1 - taper) * np.exp(-(((angle - np.pi / 2) / 0.9) ** 2))

    turn = (a - np.pi / 2 + np.pi) % (2 * np.pi) - np.pi + np.pi / 2
    section = rounded(28, 4.0, half * 1.05, 0.05)
    body = tube(ring_path(1.0, 240), 1.0, section, closed=True)
    points = body.points.reshape(240, 28, 3).copy()
    points[..., 2] *= share(turn)[:, None]
    lift = 1 + dome * np.clip(1 - (points[..., 2] / half) ** 2, 0, 1) * (share(turn)[:, None] - taper * 0.5).clip(0)
    points[..., :2] *= lift[..., None]
    parts = [Part(type(body)(points.reshape(-1, 3), body.faces), metal, "metal")]
    span = float(rng.uniform(0.7, 1.5))
    spots, outs, kinds = [], [], []
    cross = rng.random() < 0.2
    for row in range(rows):
        count = int(2 * span / pitch)
        at = np.pi / 2 + (np.arange(count) - (count - 1) / 2 + 0.5 * (row % 2)) * pitch
        z = (row - (rows - 1) / 2) * pitch
        keep = np.abs(z) < half * share(at) - 0.6 * small
        at = at[keep]
        radius = 1.05 * (1 + dome * (1 - (z / half) ** 2) * (share(at) - taper * 0.5).clip(0))
        spots.append(np.stack([radius * np.cos(at), radius * np.sin(at), 0 * at + z], 1))
        outs.append(np.stack([np.cos(at), np.sin(at), 0 * at + 1.4 * dome * z / half**1.0 / max(half, 0.1)], 1))
        edge = (row in (0, rows - 1)) if not cross else row % 2 == 0
        kinds.append(np.full(len(at), edge))
    where, normal, edge = np.concatenate(spots), np.concatenate(outs), np.concatenate(kinds)
    for mine, material in ((edge, second), (~edge, stone)):
        if mine.any():
            parts += mounts.pave(where[mine], normal[mine], small, metal, material)
    up = np.array([0.0, 1.0, 0.0])
    if rng.random() < 0.35:
        radius = float(rng.uniform(0.2, 0.5))
        head = mounts.claw_set(rng, radius, metal, materials.clear(rng))
        parts += mounts.placed(head, up, up * (1.08 + dome + radius * 0.75))
    if rng.random() < 0.3:  # a plain ring on each side
        other = materials.metal(rng)
        for side in (-1, 1):
            line = ring_path(1.0) + np.array([0, 0, side * (half * 1.05 + 0.09)])
            parts.append(Part(tube(line, 1.0, rounded(16, 3, 0.06, 0.06), closed=True), other, "metal"))
    return poses.ring(rng, Piece("pave_ring", tuple(parts)))
