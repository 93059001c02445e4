"""Chain with a pendant: claw-set stone, halo, cabochon, bar of pearls, small charm or openwork drop."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, merge, sphere, torus, tube
from training.piece import Material, Part, Piece


def charm(rng: np.random.Generator, metal: Material, radius: float) -> list[Part]:
    """Return a pendant lying in the x-y plane, hung from (0, radius, 0)."""
    kind = rng.choice(["claw", "halo", "cabochon", "heart", "ring", "bar", "flower"])
    if kind == "claw":
        return mounts.shifted(mounts.claw_set(rng, radius, metal, materials.clear(rng)), (0, 0, radius))
    if kind == "halo":
        small = radius * float(rng.uniform(0.13, 0.2))
        parts = mounts.claw_set(rng, radius * 0.62, metal, materials.clear(rng))
        parts += mounts.halo(radius - small, small, metal, materials.clear(rng, "diamond"))
        return mounts.shifted(parts, (0, 0, radius * 0.6))
    if kind == "cabochon":
        return mounts.shifted(
            mounts.cabochon_set(rng, radius * 0.9, metal, materials.stone(rng)), (0, 0, 0.35 * radius)
        )
    t = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    wire = radius * float(rng.uniform(0.06, 0.16))
    if kind == "heart":
        x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        path = np.stack([x / 17, y / 17, 0 * t + wire / radius], 1) * radius
        return [Part(tube(path, wire, closed=True), metal, "metal")]
    if kind == "ring":
        parts = [Part(torus(radius * 0.9, wire).moved(offset=(0, 0, wire)), metal, "metal")]
        if rng.random() < 0.5:
            parts += mounts.shifted(
                mounts.claw_set(rng, radius * 0.3, metal, materials.clear(rng)), (0, 0, 0.35 * radius)
            )
        return parts
    if kind == "bar":
        count, stone = int(rng.integers(3, 8)), materials.stone(rng)
        x = (np.arange(count) - (count - 1) / 2) * 0.5 * radius
        y = 0.15 * radius * (x / radius) ** 2 + 0.9 * radius
        beads = merge(
            [sphere(0.24 * radius, 20).moved(offset=(a, b, 0.24 * radius)) for a, b in zip(x, y, strict=True)]
        )
        line = np.stack([x, y, 0 * x + 0.24 * radius], 1)
        return [Part(beads, stone, "stone"), Part(tube(line, 0.05 * radius), metal, "metal")]
    petals = int(rng.integers(5, 9))
    loops = []
    for k in range(petals):
        a = 2 * np.pi * k / petals
        loop = np.stack([0.55 + 0.4 * np.cos(t), 0.22 * np.sin(t), 0 * t], 1) * radius
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        loops.append(tube(loop @ turn.T + [0, 0, wire], wire * 0.7, closed=True))
    stone = mounts.shifted(mounts.claw_set(rng, radius * 0.2, metal, materials.clear(rng)), (0, 0, 0.25 * radius))
    return [Part(merge(loops), metal, "metal"), *stone]


def hung(
    rng: np.random.Generator, drop: list[Part], radius: float, metal: Material, path: Array, width: float
) -> list[Part]:
    """Return `drop` under the lowest point of the chain on `path`, with bail and chain."""
    lowest = path[np.argmin(path[:, 1])]
    bail = torus(width * 1.6, width * 0.4, 32, 10).moved(np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]]), (0, 0, width))
    at = lowest - [0, radius + 1.3 * width, 0]
    line = path + np.array([0, 0, width])
    parts = [Part(p.mesh.moved(offset=at), p.material, p.slot) for p in drop]
    parts.append(
        Part(merge([bail.moved(offset=lowest - [0, width * 0.8, 0]), links.chain(rng, line, width)]), metal, "metal")
    )
    return parts


def make(rng: np.random.Generator) -> Piece:
    """Draw one pendant necklace."""
    metal = materials.metal(rng)
    radius = float(rng.uniform(0.15, 0.5))
    path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.2, 2.2)))
    parts = hung(rng, charm(rng, metal, radius), radius, metal, path, float(rng.uniform(0.018, 0.07)))
    return poses.lying(rng, Piece("pendant", tuple(parts)), 0.02)
