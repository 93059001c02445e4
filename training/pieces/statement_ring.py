"""Ring under one very large stone: faceted, domed, tablet, nugget or pearl, in claws, a collar or leaves."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from training import materials, mounts, poses
from training.geometry import Mesh, box, cabochon, circle, gem, merge, noise, ring_path, rounded, sphere, tube
from training.piece import Part, Piece


def big_stone(rng: np.random.Generator, radius: float) -> Mesh:
    """Return a large stone on z = 0 with its face up."""
    kind = rng.choice(["cabochon", "gem", "tablet", "nugget", "flat", "sugarloaf"])
    wide = float(rng.uniform(0.6, 1.0))
    if kind == "cabochon":
        return cabochon(radius * wide, radius, radius * float(rng.uniform(0.2, 0.7)), float(rng.uniform(1.8, 3)), 96)
    if kind == "gem":
        cut = str(rng.choice(mounts.CUTS))
        return gem(cut, radius, 0.75).moved(offset=(0, 0, 0.3 * radius))
    if kind == "tablet":
        thick = float(rng.uniform(0.15, 0.4)) * radius
        return box(radius * wide, radius, thick, float(rng.uniform(0.2, 0.5))).moved(offset=(0, 0, thick * 0.6))
    if kind == "nugget":
        ball = sphere(1.0, 56)
        rough = ball.displaced(float(rng.uniform(0.05, 0.14)) * noise(ball.points, rng, float(rng.uniform(1.2, 3)), 2))
        return rough.scaled(radius * wide, radius, radius * 0.55).moved(offset=(0, 0, 0.25 * radius))
    if kind == "flat":
        return cabochon(radius * wide, radius, radius * 0.16, 6.0, 96)
    return cabochon(radius * wide, radius, radius * float(rng.uniform(0.7, 1.1)), 1.5, 96)


def collar(rng: np.random.Generator, stone: Mesh, radius: float) -> Mesh:
    """Return a collar with claws or a plain rim that follows the outline of `stone`."""
    angle = np.linspace(-np.pi, np.pi, 97)[:-1]
    sides = ConvexHull(stone.points[:, :2]).equations
    slope = np.stack([np.cos(angle), np.sin(angle)], 1) @ sides[:, :2].T
    edge = np.where(slope > 1e-6, -sides[:, 2] / np.maximum(slope, 1e-6), np.inf).min(1)
    line = np.stack([edge * np.cos(angle), edge * np.sin(angle), 0 * angle], 1)
    wall = float(rng.uniform(0.04, 0.1)) * radius
    work = [tube(line * 1.02, 1.0, rounded(16, 5.0, 0.12 * radius, wall), closed=True)]
    work.append(tube(line * 0.7 - [0, 0, 0.25 * radius], 0.06 * radius, circle(8), closed=True))
    count = int(rng.choice([0, 4, 6, 8, 12]))
    for k in np.arange(count) * (96 / max(count, 1)) + 96 / 16:
        side = line[int(k) % 96]
        knots = np.stack([side * 0.7 - [0, 0, 0.25 * radius], side * 1.04, side * 1.05 + [0, 0, 0.25 * radius],
                          side * 0.88 + [0, 0, 0.42 * radius]])  # fmt: skip
        work.append(tube(knots, 0.055 * radius, circle(8)))
    if rng.random() < 0.35:
        size = 0.06 * radius
        work += [sphere(size, 8).moved(offset=spot * 1.12) for spot in line[::3]]
    return merge(work)


def make(rng: np.random.Generator) -> Piece:
    """Draw one statement ring,."""
    metal = materials.metal(rng)
    material = [materials.opaque, materials.clear, materials.gemlike, materials.pearl][
        int(rng.choice(4, p=[0.3, 0.3, 0.3, 0.1]))
    ](rng)
    radius = float(rng.uniform(0.7, 1.35))
    stone = big_stone(rng, radius)
    head = [Part(stone, material, "stone"), Part(collar(rng, stone, radius), metal, "metal")]
    if rng.random() < 0.7:
        back = cabochon(float(np.ptp(stone.points[:, 0])) * 0.46, float(np.ptp(stone.points[:, 1])) * 0.46, 0.01)
        if material.kind != "clear" or rng.random() < 0.3:
            head.append(Part(back.moved(offset=(0, 0, float(stone.points[:, 2].min()) - 0.02)), metal, "metal"))
    section = rounded(16, float(rng.uniform(2, 5)), float(rng.uniform(0.08, 0.3)), float(rng.uniform(0.04, 0.1)))
    up = np.array([0.0, 1.0, 0.0])
    low = -float(stone.points[:, 2].min())
    parts = [Part(tube(ring_path(1.0), 1.0, section, closed=True), metal, "metal")]
    parts += mounts.placed(head, up, up * (1.02 + max(low, 0.2 * radius)))
    return poses.ring(rng, Piece("statement_ring", tuple(parts)).sized(1.3))
