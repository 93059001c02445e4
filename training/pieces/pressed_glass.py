"""Pressed and painted glass: leaves, petals, daggers, drops and flat ovals, on ear wires, a chain or in a fringe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training import links, materials, plates, poses
from training.geometry import Array, Mesh, circle, merge, rotation, sphere, spline, torus, tube
from training.piece import Material, Part, Piece
from training.pieces.drops import bead

RINGS = 14
"""Rows of points from the middle of a bead to its rim."""


def pillow(loop: Array, thick: float, relief: Array) -> Mesh:
    """Return a flat bead with a domed front and back within the outline `loop` [K, 2] about its centre.

    thick: from back to front in the middle; relief: added to the height of the front, [RINGS, K] from the middle on.
    """
    share = np.linspace(0, 1, RINGS)[:, None]
    height = thick / 2 * np.sqrt(1 - share**3)
    flat = share[..., None] * loop[None]
    front = np.concatenate([flat, np.broadcast_to(height, flat.shape[:2])[..., None]], -1)
    front[..., 2] += relief * (1 - share**4)
    back = np.concatenate([flat, -np.broadcast_to(height, flat.shape[:2])[..., None]], -1)
    count = len(loop)
    i, j = np.meshgrid(np.arange(RINGS - 1), np.arange(count), indexing="ij")
    a, b = (i * count + j).ravel(), (i * count + (j + 1) % count).ravel()
    faces = np.concatenate([np.stack([a, a + count, b], 1), np.stack([b, a + count, b + count], 1)])
    return merge([Mesh(front.reshape(-1, 3), faces), Mesh(back.reshape(-1, 3), faces[:, ::-1])])


def pressed(rng: np.random.Generator, size: float) -> Mesh:
    """Return one pressed bead, its length about 2 `size` along y."""
    kind = str(rng.choice(["leaf", "petal", "drop", "dagger", "oval", "heart"], p=[0.4, 0.12, 0.16, 0.1, 0.16, 0.06]))
    if kind == "leaf":
        loop = plates.leaf(float(rng.uniform(0.4, 0.72)), float(rng.uniform(0.75, 1.3)))
        loop = np.sign(loop) * np.abs(loop) ** [float(rng.uniform(0.8, 1.0)), 1.0]  # moulds round a leaf's tips
    elif kind in ("petal", "drop"):
        loop = plates.drop(float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.45, 0.85)))
    elif kind == "dagger":
        loop = plates.drop(float(rng.uniform(1.0, 1.8)), float(rng.uniform(0.2, 0.35)))
    elif kind == "oval":
        loop = circle(64) * [float(rng.uniform(0.55, 1.0)), 1.0]
    else:
        loop = plates.heart()
    x, y = np.moveaxis(np.linspace(0, 1, RINGS)[:, None, None] * loop[None], -1, 0)
    veins = np.zeros_like(x)
    if kind in ("leaf", "petal") and rng.random() < 0.8:
        depth, beat = float(rng.uniform(0.02, 0.07)), float(rng.uniform(9, 20))
        veins -= depth * np.exp(-((x / 0.05) ** 2))
        veins += 0.6 * depth * np.sin(beat * (y - float(rng.uniform(0.4, 1.2)) * np.abs(x)))
    thick = float(rng.uniform(0.16, 0.6))
    return pillow(loop, thick, veins).scaled(size)


def glass(rng: np.random.Generator) -> Material:
    """Return etched, clear, milky or painted glass."""
    kind = rng.random()
    if kind < 0.4:
        return materials.frosted(rng)
    if kind < 0.5:  # olive, honey and smoke, as leaves on the ground are
        return replace(materials.earthy(rng), roughness=float(rng.uniform(0.05, 0.5)))
    if kind < 0.68:
        return materials.clear(rng)
    if kind < 0.8:
        return materials.deep(rng)
    if kind < 0.9:
        return materials.patterned(rng)
    return painted(rng)


def painted(rng: np.random.Generator) -> Material:
    """Return dark or coloured glass with stripes or patches of copper, gold or silver paint."""
    base = materials.dark(rng) if rng.random() < 0.5 else materials.deep(rng)
    paint = [(0.62, 0.33, 0.2), (0.66, 0.45, 0.2), (0.6, 0.58, 0.55)][int(rng.integers(3))]
    second = materials.varied(rng, paint, 0.15)
    return replace(base, second=second, frequency=float(rng.uniform(2, 8)), bands=bool(rng.random() < 0.6))


def ear_wire(rng: np.random.Generator, wire: float) -> Mesh:
    """Return an ear wire bent by hand: a wide bow that swings back, its eye at the origin."""
    wide, tall = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.45, 0.95))
    flare = float(rng.uniform(-0.15, 0.35))
    knots = [[0, 0.07, 0], [-0.1, 0.25, 0], [0.02, tall * 0.75, 0], [0.5 * wide, tall, 0]]
    knots += [[wide, 0.75 * tall, 0], [wide + 0.3 * flare, 0.3 * tall, 0], [wide + flare, -0.1 * tall, 0]]
    return merge([tube(spline(np.array(knots), 90), wire, circle(8)), torus(0.07, wire, 28, 8)])


def wrapped(wire: float, low: float, high: float) -> Mesh:
    """Return a wire between two heights with turns of itself about it."""
    turn = np.linspace(0, 2 * np.pi * (high - low) / (2.4 * wire), 90)
    around = np.stack([np.cos(turn) * 2.1 * wire, np.linspace(low, high, 90), np.sin(turn) * 2.1 * wire], 1)
    straight = np.array([[0, low, 0], [0, (low + high) / 2, 0], [0, high, 0]])
    return merge([tube(around, wire, circle(6)), tube(straight, wire, circle(8))])


def hanging(rng: np.random.Generator, wire: float, kinds: list[Material], metal: Material) -> list[Part]:
    """Return what hangs below an eye at the origin: up to three beads, then one of pressed glass."""
    y, work, parts = -0.06, [], []
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.35, 0.3, 0.25, 0.1]))):
        mesh = (
            pressed(rng, float(rng.uniform(0.2, 0.42)))
            if rng.random() < 0.4
            else bead(rng, float(rng.uniform(0.06, 0.2)))
        )
        high, low = float(mesh.points[:, 1].max()), float(mesh.points[:, 1].min())
        kind = metal if rng.random() < 0.2 else kinds[int(rng.integers(len(kinds)))]
        slot = "metal" if kind is metal else "stone"
        parts.append(Part(mesh.moved(offset=(0, y - high, 0)), kind, slot))
        y -= high - low
        if rng.random() < 0.6:
            work.append(torus(0.05, wire, 24, 8).moved(offset=(0, y - 0.05, 0)))
            y -= 0.1
    neck = float(rng.uniform(0.05, 0.18))
    work.append(wrapped(wire, y - neck, y))
    leaf = pressed(rng, float(rng.uniform(0.25, 0.55)))
    high = float(leaf.points[:, 1].max())
    parts.append(Part(leaf.moved(offset=(0, y - neck - high + 0.04, 0)), kinds[0], "stone"))
    if rng.random() < 0.5:  # a loop of wire through the bead's tip
        work.append(torus(0.09, wire, 28, 8).moved(offset=(0, y - neck - 0.06, 0)))
    work.append(tube(np.array([[0, 0, 0], [0, y / 2, 0], [0, y - neck, 0]]), wire, circle(8)))
    return [*parts, Part(merge(work), metal, "metal")]


def fringe(rng: np.random.Generator, kinds: list[Material], metal: Material) -> Piece:
    """Return leaves, drops or daggers side by side along a chain or thread, small beads between them."""
    path = links.drape(rng, None, float(rng.uniform(1.0, 1.7)))
    size = float(rng.uniform(0.1, 0.24))
    step = size * float(rng.uniform(1.0, 2.4))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.arange(0.1, 0.9, step / length[-1]) * length[-1]
    spots = np.stack([np.interp(at, length, path[:, k]) for k in range(3)], 1)
    ahead = np.stack([np.interp(at + 0.02, length, path[:, k]) for k in range(3)], 1) - spots
    shape, parts = pressed(rng, size), []
    top = float(shape.points[:, 1].max())
    for k, (spot, way) in enumerate(zip(spots, ahead, strict=True)):
        angle = np.arctan2(way[1], way[0]) + float(rng.normal(0, 0.25))
        turn = rotation((0, 0, 1), angle)
        lain = shape.moved(offset=(0, -top, 0)).moved(turn, spot + np.array([0, 0, size * 0.3 * (k % 2)]))
        parts.append(Part(lain, kinds[k % len(kinds)], "stone"))
    between = [sphere(size * 0.28, 14).moved(offset=spot) for spot in (spots[1:] + spots[:-1]) / 2]
    if between and rng.random() < 0.6:
        parts.append(Part(merge(between), kinds[-1], "stone"))
    if rng.random() < 0.6:
        parts.append(Part(links.chain(rng, path, float(rng.uniform(0.018, 0.05))), metal, "metal"))
    else:
        parts.append(Part(tube(path, float(rng.uniform(0.012, 0.03)), circle(8)), materials.cord(rng), "other"))
    return Piece("pressed_glass", tuple(parts))


def make(rng: np.random.Generator) -> Piece:
    """Draw earrings, a pendant or a fringe of pressed glass."""
    metal, wire = materials.metal(rng), float(rng.uniform(0.014, 0.034))
    kinds = [glass(rng), painted(rng) if rng.random() < 0.4 else glass(rng)]
    way = rng.random()
    if way < 0.2:
        return poses.lying(rng, fringe(rng, kinds, metal).sized(1.5), 0.02)
    drop = hanging(rng, wire, kinds, metal)
    if way < 0.4:
        path = links.drape(rng, str(rng.choice(["u", "v"])), 1.7)
        path = path - path[np.argmin(path[:, 1])] + [0, 0.04, 0]
        drop.append(Part(links.chain(rng, path, float(rng.uniform(0.02, 0.06))), metal, "metal"))
        return poses.lying(rng, Piece("pressed_glass", tuple(drop)).sized(1.5), 0.03)
    drop.append(Part(ear_wire(rng, wire).moved(offset=(0, 0.06, 0)), metal, "metal"))
    one = Piece("pressed_glass", tuple(drop))
    pair = [poses.lying(rng, one, 0.2).rested() if rng.random() < 0.3 else one.rested() for _ in range(2)]
    gap = float(rng.uniform(0.6, 1.1))
    both = tuple(p for k, q in enumerate(pair) for p in q.moved(offset=(gap * k, rng.normal(0, 0.12), 0)).parts)
    return poses.turned(rng, Piece("pressed_glass", both).sized(1.3))
