"""What holds a stone: prongs, bezels, halos, pavé; each as parts about the origin, table towards +z."""

from __future__ import annotations

import numpy as np

from training.geometry import Array, Mesh, cabochon, circle, gem, instances, lathe, merge, rotation, sphere, tube
from training.piece import Material, Part

CUTS = ("round", "oval", "cushion", "princess", "emerald", "pear", "marquise")


def upright(direction: Array) -> Array:
    """Matrix [3, 3] that turns +z into `direction` [3]."""
    z = np.asarray(direction, float) / np.linalg.norm(direction)
    x = np.cross([0.0, 0.0, 1.0] if abs(z[2]) < 0.9 else [0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], 1)


def placed(parts: list[Part], direction: Array, offset: Array) -> list[Part]:
    """Turn +z of `parts` into `direction` and move them to `offset`."""
    matrix = upright(direction)
    return [Part(part.mesh.moved(matrix, offset), part.material, part.slot) for part in parts]


def prongs(radius: float, count: int, thick: float, depth: float, spread: float = 1.0) -> Mesh:
    """Return claws that rise from a common foot and bend over the girdle."""
    wires = []
    for angle in np.arange(count) * 2 * np.pi / count + np.pi / 4:
        side = np.array([np.cos(angle), np.sin(angle), 0])
        knots = np.array([0.35 * side, 0.8 * side, 1.04 * spread * side, 1.04 * spread * side, 0.86 * side]) * radius
        knots[:, 2] = np.array([-depth, -0.5 * depth, -0.1 * depth, 0.12, 0.27]) * radius
        wires.append(tube(knots, thick, circle(8)))
        wires.append(sphere(thick * 1.15, 10).moved(offset=knots[-1]))
    return merge(wires)


def claw_set(rng: np.random.Generator, radius: float, metal: Material, material: Material) -> list[Part]:
    """Return a faceted stone in claws with one or two gallery rings."""
    cut = str(rng.choice(CUTS, p=[0.4, 0.15, 0.1, 0.1, 0.1, 0.1, 0.05]))
    wire = float(rng.uniform(0.05, 0.11)) * radius
    work = [prongs(radius, int(rng.choice([4, 6, 8], p=[0.6, 0.3, 0.1])), wire, float(rng.uniform(0.9, 1.5)))]
    for level in rng.uniform(-0.8, -0.2, int(rng.integers(1, 3))):
        ring = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 48, endpoint=False)), np.sin(t), 0 * t], 1)
        work.append(tube(ring * radius * (0.95 + 0.4 * level), wire * 0.8, circle(8), closed=True))
        work[-1] = work[-1].moved(offset=(0, 0, level * radius))
    return [Part(gem(cut, radius), material, "stone"), Part(merge(work), metal, "metal")]


def bezel(radius: float, metal: Material, stone: Mesh, material: Material, wall: float = 0.1) -> list[Part]:
    """Return `stone` in a plain collar with a closed back."""
    r, w = radius, wall * radius
    profile = np.array(
        [
            [0, -0.35 * r],
            [r + w, -0.35 * r],
            [r + w, 0.1 * r],
            [r + 0.3 * w, 0.18 * r],
            [0.96 * r, 0.14 * r],
            [0.96 * r, -0.1 * r],
            [0, -0.1 * r],
        ]
    )
    return [Part(stone, material, "stone"), Part(lathe(profile, 56, smooth=False), metal, "metal")]


def cabochon_set(rng: np.random.Generator, radius: float, metal: Material, material: Material) -> list[Part]:
    """Return a domed stone in a collar, round or oval, sometimes with a beaded rim."""
    height = float(rng.uniform(0.25, 0.9))
    parts = bezel(radius, metal, cabochon(0.98 * radius, 0.98 * radius, height * radius), material)
    if rng.random() < 0.35:
        count = int(rng.integers(20, 44))
        size = np.pi * 1.16 * radius / count
        spots = (
            np.stack([np.cos(t := np.arange(count) * 2 * np.pi / count), np.sin(t), 0 * t - 0.15], 1) * 1.17 * radius
        )
        parts.append(Part(instances(sphere(size * 0.95, 10), np.tile(np.eye(3), (count, 1, 1)), spots), metal, "metal"))
    stretch = float(rng.choice([1.0, rng.uniform(0.6, 0.95)]))
    matrix = np.diag([1.0, stretch, 1.0])
    return [Part(p.mesh.moved(matrix), p.material, p.slot) for p in parts]


def pave(spots: Array, normals: Array, radius: float | Array, metal: Material, material: Material) -> list[Part]:
    """Return small brilliants at `spots` [N, 3] facing `normals` [N, 3], with beads between them."""
    sizes = np.broadcast_to(np.asarray(radius, float), (len(spots),))
    axes = np.stack([upright(n) for n in normals])
    stones = instances(gem("round", 1.0), axes * sizes[:, None, None], spots)
    beads = []
    ball = sphere(1.0, 8)
    for angle in (0.4, 0.4 + np.pi / 2, 0.4 + np.pi, 0.4 + 1.5 * np.pi):
        out = np.einsum("nij,j->ni", axes, [np.cos(angle), np.sin(angle), 0.08]) * sizes[:, None]
        beads.append(instances(ball, axes * (0.16 * sizes)[:, None, None], spots + out))
    return [Part(stones, material, "stone"), Part(merge(beads), metal, "metal")]


def domed(dome: float, steps: int, around: int) -> Mesh:
    """Return a disc of radius 1 whose upper side rises to `dome` in the middle."""
    t = np.linspace(0, 1, steps)
    profile = np.stack([t, dome * (1 - t**2)], 1)
    return lathe(np.concatenate([[[0, -0.08], [1.0, -0.08]], profile[::-1]]), around)


def strewn(count: int, reach: float, dome: float) -> tuple[Array, Array]:
    """Return points [count, 3] evenly on a `domed` disc, within `reach`, and its normals there (Vogel 1979)."""
    k = np.arange(count) + 0.5
    far, angle = np.sqrt(k / count) * reach, np.pi * (1 + 5**0.5) * k
    spots = np.stack([far * np.cos(angle), far * np.sin(angle), dome * (1 - far**2)], 1)
    return spots, np.stack([2 * dome * spots[:, 0], 2 * dome * spots[:, 1], np.ones(count)], 1)


def halo(radius: float, stone_radius: float, metal: Material, material: Material) -> list[Part]:
    """Return a circle of small stones in a carrying ring."""
    count = max(int(2 * np.pi * radius / (2.25 * stone_radius)), 6)
    angle = np.arange(count) * 2 * np.pi / count
    spots = np.stack([np.cos(angle) * radius, np.sin(angle) * radius, 0 * angle], 1)
    parts = pave(spots, np.tile([0.0, 0.0, 1.0], (count, 1)), stone_radius, metal, material)
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    path = np.stack([np.cos(t) * radius, np.sin(t) * radius, 0 * t - 0.35 * stone_radius], 1)
    section = np.array([[-0.3, -1.1], [0.3, -1.1], [0.3, 1.1], [-0.3, 1.1]]) * stone_radius
    parts.append(Part(tube(path, 1.0, section, closed=True), metal, "metal"))
    return parts


def turned(parts: list[Part], axis: tuple[float, float, float], angle: float) -> list[Part]:
    """Rotate parts about the origin."""
    matrix = rotation(axis, angle)
    return [Part(p.mesh.moved(matrix), p.material, p.slot) for p in parts]


def shifted(parts: list[Part], offset: Array | tuple[float, float, float]) -> list[Part]:
    """Move parts."""
    return [Part(p.mesh.moved(offset=offset), p.material, p.slot) for p in parts]
