"""Flat openwork of wire: scrolls, spokes and rings in a round, oval or drop frame, with or without stones."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Array, Mesh, circle, instances, merge, sphere, tube
from training.piece import Part, Piece


def spiral(turns: float, radius: float) -> Array:
    """Return a flat spiral [60, 3] from the origin outwards."""
    t = np.linspace(0.05, 1, 60)
    angle = turns * 2 * np.pi * t
    return np.stack([radius * t * np.cos(angle), radius * t * np.sin(angle), 0 * t], 1)


def make(rng: np.random.Generator) -> Piece:
    """Draw one openwork pendant or earring half."""
    metal = materials.metal(rng)
    wire = float(rng.uniform(0.012, 0.04))
    fold = int(rng.integers(5, 15))
    squeeze = float(rng.choice([1.0, rng.uniform(0.55, 0.9)]))
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    lobes = float(rng.choice([0.0, rng.uniform(0.02, 0.09)]))
    flat = circle(8) * [1.0, 1.0]

    def frame(radius: float, thick: float) -> Mesh:
        r = radius * (1 + lobes * np.cos(fold * t))
        return tube(np.stack([r * np.cos(t), r * np.sin(t), 0 * t], 1), thick, flat, closed=True)

    work = [frame(1.0, wire * 1.5)]
    inner = float(rng.uniform(0.2, 0.4))
    work.append(frame(inner, wire * 1.2))
    for radius in rng.uniform(inner + 0.1, 0.95, int(rng.integers(0, 3))):
        work.append(frame(float(radius), wire))
    cell = []
    mid = (1 + inner) / 2
    reach = (1 - inner) / 2
    side = np.pi / fold * mid
    scroll = spiral(float(rng.uniform(1.0, 2.2)), min(reach, side) * 0.75)
    style = rng.choice(["scroll", "s", "petal", "lattice"])
    if style in ("scroll", "s"):
        cell.append(tube(scroll * [1, 1, 1] + [mid + reach * 0.35, side * 0.3, 0], wire, flat))
        mirror = [1, -1, 1] if style == "scroll" else [-1, -1, 1]
        cell.append(tube(scroll[::-1] * mirror + [mid - reach * 0.2, -side * 0.3, 0], wire, flat))
    if style == "petal":
        for size in (0.95, 0.55):
            cell.append(
                tube(
                    np.stack([mid + reach * size * np.cos(t[::3]), side * 0.85 * size * np.sin(t[::3]), 0 * t[::3]], 1),
                    wire,
                    flat,
                    closed=True,
                )
            )
    if style == "lattice":
        for sign in (-1, 1):
            bend = np.linspace(0, 1, 20)
            angle = sign * bend * 2 * np.pi / fold * rng.uniform(0.8, 1.6)
            r = inner + (1 - inner) * bend
            cell.append(tube(np.stack([r * np.cos(angle), r * np.sin(angle), 0 * bend], 1), wire, flat))
    if rng.random() < 0.7:
        bar = np.array([[inner, 0, 0], [mid, 0, 0], [1.0, 0, 0]])
        a = np.pi / fold
        cell.append(
            tube(bar @ np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]]), wire, flat)
        )
    if rng.random() < 0.5:
        cell.append(sphere(wire * 2.2, 10).moved(offset=(mid, 0, 0)))
    angles = np.arange(fold) * 2 * np.pi / fold
    axes = np.stack([[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in angles])
    work.append(instances(merge(cell), axes, np.zeros((fold, 3))))
    body = merge(work).scaled(1.0, squeeze, 1.0)
    if rng.random() < 0.4:  # a dome
        body = body.moved(
            offset=np.stack([0 * body.points[:, 0], 0 * body.points[:, 0], -0.25 * (body.points[:, :2] ** 2).sum(1)], 1)
        )
    eye = np.stack([0.1 * np.cos(t[::5]), 0.1 * np.sin(t[::5]) + squeeze + 0.12, 0 * t[::5]], 1)
    body = merge([body, tube(eye, wire * 1.3, flat, closed=True)])
    parts = [Part(body, metal, "metal")]
    centre = rng.random()
    if centre < 0.6:
        size = inner * 0.85 * squeeze
        stone = materials.stone(rng)
        parts += (
            mounts.claw_set(rng, size, metal, stone) if centre < 0.35 else mounts.cabochon_set(rng, size, metal, stone)
        )
    if rng.random() < 0.25:
        count = fold
        ball = sphere(float(rng.uniform(0.05, 0.12)), 16)
        spots = np.stack([1.12 * np.cos(angles), 1.12 * squeeze * np.sin(angles), 0 * angles], 1)
        parts.append(Part(instances(ball, np.tile(np.eye(3), (count, 1, 1)), spots), materials.stone(rng), "stone"))
    return poses.lying(rng, Piece("filigree", tuple(parts)), 0.5)
