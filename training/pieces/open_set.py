"""Open settings: stones between rails, in hoops or side by side with nothing behind, so that the ground shows between.

Floating halos, shared-claw rows, rivières, frames about a disc or a stone that touch it by a few bars only, suns of
wires about a stone that does not fill its frame.
"""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, Mesh, cabochon, circle, gem, instances, merge, ring_path, sphere, squared, tube
from training.piece import Material, Part, Piece
from training.pieces.cluster import worn

UP = np.array([0.0, 0.0, 1.0])


def wire(rng: np.random.Generator, path: Array, thick: float, closed: bool) -> Mesh:
    """Return a round or square wire."""
    section = circle(8) if rng.random() < 0.6 else np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    return tube(path, thick, section, closed=closed)


def row(
    rng: np.random.Generator, path: Array, up: Array, small: float, metal: Material, stone: Material, closed: bool
) -> list[Part]:
    """Return stones of radius `small` along a dense `path` [N, 3], tables towards `up` [N, 3], between two rails.

    Neighbours share their claws; some rows have bars under the claws. Nothing lies behind the stones.
    """
    loop = np.concatenate([path, path[:1]]) if closed else path
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(loop, axis=0), axis=1))])
    count = max(int(length[-1] / (small * float(rng.uniform(2.05, 2.7)))), 2)
    top = np.concatenate([up, up[:1]]) if closed else up
    along = np.gradient(loop, axis=0)
    if closed:
        along[0] = along[-1] = loop[1] - loop[-2]

    def at(places: Array) -> tuple[Array, Array, Array]:
        """Points, directions up and sideways at `places` along the path."""
        point, z, x = (
            np.stack([np.interp(places, length, values[:, k]) for k in range(3)], 1) for values in (loop, top, along)
        )
        z, x = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (z, x))
        return point, z, np.cross(z, x)

    step = length[-1] / count
    middles, between = (np.arange(count) + 0.5) * step, np.arange(0 if closed else 1, count) * step
    point, z, y = at(middles)
    cut = str(rng.choice(["round", "princess", "oval", "cushion"], p=[0.7, 0.1, 0.1, 0.1]))
    axes = np.stack([np.cross(y, z), y, z], 2)
    stones = instances(gem(cut, 1.0), axes * small, point)
    thick, away = small * float(rng.uniform(0.08, 0.25)), float(rng.uniform(0.9, 1.25))
    low = -small * float(rng.uniform(0.0, 0.5))
    _, z, y = at(length[: len(path)])
    rails = [path + side * (away * small + thick) * y + low * z for side in (-1, 1)]
    work = [wire(rng, rail, thick, closed) for rail in rails]
    if not closed:
        work += [tube(np.stack([rails[0][k], rails[1][k]]), thick, circle(8)) for k in (0, -1)]
    point, z, y = at(between)
    size = small * float(rng.uniform(0.1, 0.22))
    for side in (-1, 1):
        claws = point + side * 0.72 * small * y + 0.05 * small * z
        work.append(instances(sphere(size, 8), np.tile(np.eye(3), (len(claws), 1, 1)), claws))
        if rng.random() < 0.6:  # what carries the claws
            work += [
                tube(np.stack([a, b]), 0.7 * size, circle(6))
                for a, b in zip(claws, point + side * away * small * y + low * z, strict=True)
            ]
    if rng.random() < 0.5:
        reach = (away * small + thick) * y
        under = point + (low - 0.2 * small) * z
        work += [
            tube(np.stack([a, b]), 0.8 * thick, circle(6)) for a, b in zip(under - reach, under + reach, strict=True)
        ]
    return [Part(stones, stone, "stone"), Part(merge(work), metal, "metal")]


def bars(rng: np.random.Generator, inner: float, outer: float, thick: float) -> Mesh:
    """Return the few radial bars that join a middle to its hoop."""
    turn = float(rng.uniform(0, 2 * np.pi)) + np.arange(n := int(rng.integers(2, 7))) * 2 * np.pi / n
    out = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    return merge([tube(np.stack([inner * o, outer * o]), thick, circle(8)) for o in out])


def middle(rng: np.random.Generator, radius: float, metal: Material) -> list[Part]:
    """Return what stands in a hoop: a stone, a pearl, a plain or domed disc, some set with pavé."""
    kind = rng.choice(["claw", "bare", "cabochon", "pearl", "disc"], p=[0.3, 0.15, 0.15, 0.1, 0.3])
    if kind == "claw":
        return mounts.claw_set(rng, radius * 0.94, metal, materials.clear(rng))
    if kind == "bare":
        return [Part(gem("round", radius), materials.clear(rng), "stone")]
    if kind == "cabochon":
        stone = cabochon(radius, radius, radius * float(rng.uniform(0.2, 0.8)))
        return [Part(stone, materials.gemlike(rng), "stone")]
    if kind == "pearl":
        return [Part(sphere(radius, 40), materials.pearl(rng), "stone")]
    dome = float(rng.uniform(0.0, 0.5))
    parts = [Part(mounts.domed(dome, 20, 72).scaled(radius), metal, "metal")]
    if rng.random() < 0.6:
        count = int(rng.integers(12, 80))
        spots, normals = mounts.strewn(count, 0.9, dome)
        parts += mounts.pave(
            (spots + 0.01 * UP) * radius, normals, 0.7 * radius / np.sqrt(count), metal, materials.clear(rng)
        )
    return parts


def haloed(rng: np.random.Generator, metal: Material) -> list[Part]:
    """Return a middle in one or two hoops or rows of stones, clear of it and of each other."""
    parts: list[Part] = []
    edge = float(rng.uniform(0.25, 0.75))
    parts += middle(rng, edge, metal)
    stone, drop = materials.clear(rng), 0.0
    while edge < 0.9:
        gap = float(np.exp(rng.uniform(np.log(0.02), np.log(0.15))))
        drop -= float(rng.uniform(0, 0.1))
        thick = float(rng.uniform(0.02, 0.07))
        if rng.random() < 0.6:
            small = float(rng.uniform(0.05, 0.16))
            path = ring_path(edge + gap + 1.3 * small, 96) + drop * UP
            parts += row(rng, path, np.tile(UP, (len(path), 1)), small, metal, stone, True)
            end = edge + gap + 2.6 * small
        else:
            path = ring_path(edge + gap + thick, 96) + drop * UP
            parts.append(Part(wire(rng, path, thick, True), metal, "metal"))
            end = edge + gap + 2 * thick
        joints = bars(rng, 0.9 * edge, edge + gap + 0.4 * thick, 0.5 * thick)
        parts.append(Part(joints.moved(offset=drop * UP), metal, "metal"))
        edge = end
        if rng.random() < 0.5:
            break
    return parts


def field(rng: np.random.Generator, metal: Material) -> list[Part]:
    """Return stones side by side in a round or oval hoop, each in its own claws, with nothing behind."""
    small = float(rng.uniform(0.09, 0.22))
    pitch = small * float(rng.uniform(2.02, 2.5))
    reach = int(1.2 / pitch) + 1
    i, j = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    x, y = (i + 0.5 * (j % 2)).ravel() * pitch, j.ravel() * pitch * 0.866
    kept = np.hypot(x, y) < 1.0 - 0.8 * small
    spots = np.stack([x, y, 0 * x], 1)[kept]
    stone = materials.clear(rng) if rng.random() < 0.8 else materials.stone(rng)
    parts = mounts.pave(spots, np.tile(UP, (len(spots), 1)), small, metal, stone)
    work = [wire(rng, ring_path(1.0 + 0.25 * small, 96), float(rng.uniform(0.02, 0.06)), True)]
    if rng.random() < 0.4:  # a grid of wires underneath
        for angle in np.arange(3) * np.pi / 3:
            along, aside = np.array([np.cos(angle), np.sin(angle), 0]), np.array([-np.sin(angle), np.cos(angle), 0])
            for k in np.arange(-reach, reach + 1) * pitch * 0.866:
                half = np.sqrt(max(1 - k * k, 0))
                if half > 0.2:
                    line = np.stack([k * aside - half * along, k * aside + half * along]) - 0.5 * small * UP
                    work.append(tube(line, 0.12 * small, circle(6)))
    stretch = np.diag([1.0, float(rng.choice([1.0, rng.uniform(0.6, 0.9)])), 1.0])
    parts.append(Part(merge(work), metal, "metal"))
    return [Part(p.mesh.moved(stretch), p.material, p.slot) for p in parts]


def outline(rng: np.random.Generator, radius: float) -> Array:
    """Return a frame [120, 3] about z through (radius, 0, 0): round, oval, square, or a drop."""
    ring = ring_path(1.0, 120)
    (cos, sin, _), way = ring.T, rng.random()
    if way < 0.35:
        return radius * ring
    if way < 0.6:
        return radius * ring * [1.0, float(rng.uniform(1.05, 1.4)), 1.0]
    if way < 0.8:  # superellipse, corners 45 degrees off its axes
        reach = squared(cos, sin, float(rng.uniform(2.5, 6.0)))
    else:
        reach = 1 + float(rng.uniform(0.2, 0.6)) * np.maximum(sin, 0) ** 3
    return radius * ring * reach[:, None]


def framed(rng: np.random.Generator, metal: Material) -> list[Part]:
    """Return a middle in a frame that it does not fill, and about that a fan of wires or coils to an outer frame."""
    edge = float(rng.uniform(0.3, 0.8))
    inner = float(np.exp(rng.uniform(np.log(0.015), np.log(0.2))))
    thick = float(np.exp(rng.uniform(np.log(0.015), np.log(0.06))))
    frame = outline(rng, edge + inner + thick)
    aside = np.array([*-rng.normal(0, 0.4 * inner, 2), float(rng.uniform(0.0, 0.25)) * edge])
    parts = mounts.shifted(middle(rng, edge, metal), aside)
    work = [wire(rng, frame, thick, True), bars(rng, 0.85 * edge, edge + inner + thick, 0.6 * thick)]
    if rng.random() < 0.7:
        count = int(rng.integers(8, 60))
        reach = 1 + float(rng.uniform(0.15, 0.7))
        spots = frame[np.linspace(0, len(frame), count, endpoint=False).astype(int)]
        fine = thick * float(rng.uniform(0.3, 0.8))
        way = rng.random()
        if way < 0.4:
            work += [tube(np.stack([spot, reach * spot]), fine, circle(6)) for spot in spots]
        elif way < 0.7:  # a zigzag
            turn = np.roll(spots, -1, 0)
            work += [
                tube(np.stack([a, reach * (a + b) / 2, b]), fine, circle(6)) for a, b in zip(spots, turn, strict=True)
            ]
        else:
            coil = 0.5 * (reach - 1) * float(np.linalg.norm(spots, axis=1).min())
            out = spots / np.linalg.norm(spots, axis=1, keepdims=True)
            work += [
                tube(ring_path(coil, 24) + a + coil * o, fine, circle(6), closed=True)
                for a, o in zip(spots, out, strict=True)
            ]
        if rng.random() < 0.7:
            work.append(wire(rng, reach * frame, thick * float(rng.uniform(0.6, 1.5)), True))
        else:
            ends = reach * spots
            work.append(instances(sphere(2.0 * fine, 8), np.tile(np.eye(3), (len(ends), 1, 1)), ends))
    return [*parts, Part(merge(work), metal, "metal")]


def riviere(rng: np.random.Generator, metal: Material) -> Piece:
    """Return rows of stones between rails: a ring all round, a bracelet or necklace laid out, or a bar."""
    stone = materials.clear(rng, "diamond" if rng.random() < 0.5 else None)
    small, way = float(rng.uniform(0.05, 0.14)), rng.random()
    if way < 0.5:
        path = ring_path(1.0, 160)
        out = path / np.linalg.norm(path, axis=1, keepdims=True)
        parts = row(rng, path, out, small * float(rng.uniform(1.0, 2.0)), metal, stone, True)
        return poses.ring(rng, Piece("open_set", tuple(parts)))
    path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(0.8, 1.6)))
    parts = row(rng, path, np.tile(UP, (len(path), 1)), small, metal, stone, False)
    return poses.lying(rng, Piece("open_set", tuple(parts)).sized(float(rng.uniform(1.0, 1.5))), 0.1)


def make(rng: np.random.Generator) -> Piece:
    """Draw one piece in an open setting."""
    metal = materials.metal(rng)
    way = rng.random()
    if way < 0.15:
        return riviere(rng, metal)
    head = haloed if way < 0.5 else framed if way < 0.8 else field
    return worn(rng, "open_set", head(rng, metal), metal)
