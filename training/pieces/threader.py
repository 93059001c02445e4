"""Earrings of very thin wire or chain: long threaders, ear climbers, open bars and wire outlines."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, circle, merge, ring_path, sphere, spline, torus, tube
from training.piece import Part, Piece
from training.pieces.charms import figure


def _flat(path: Array) -> Array:
    return np.c_[path, np.zeros(len(path))]


def make(rng: np.random.Generator) -> Piece:
    """Draw one pair, or a single one."""
    metal = materials.metal(rng)
    wire = float(np.exp(rng.uniform(np.log(0.005), np.log(0.03))))
    stone = materials.stone(rng)
    work, parts = [], []
    kind = rng.choice(["threader", "climber", "bar", "outline", "arc", "spiral"])
    if kind == "threader":
        long = float(rng.uniform(1.2, 2.6))
        bend = rng.normal(0, 0.12, 6).cumsum() * float(rng.uniform(0, 0.6))
        line = spline(np.stack([bend, np.linspace(0, -long, 6), np.zeros(6)], 1), 240)
        width = max(wire * 0.9, long / 900)
        work.append(links.chain(rng, line, width, str(rng.choice(["cable", "box", "singapore", "snake"]))))
        work.append(tube(np.array([[0, 0, 0], [0, 0.3, 0], [0, 0.6, 0]]) + line[0], wire, circle(8)))
        end = line[-1]
        if rng.random() < 0.5:
            work.append(tube(np.stack([end, end - [0, 0.2, 0], end - [0, 0.45, 0]]), wire * 1.6, circle(8)))
        else:
            size = float(rng.uniform(0.04, 0.12))
            parts.append(Part(sphere(size, 20).moved(offset=end - [0, size, 0]), stone, "stone"))
    elif kind == "climber":
        a = np.linspace(0.2, 1.7, 60)
        line = np.stack([1.2 * np.cos(a) - 0.4, 1.2 * np.sin(a), 0.1 * np.sin(a)], 1)
        back = np.stack([line[0], line[0] - [0, 0, 0.3], line[0] - [-0.05, -0.4, 0.35]])
        work += [tube(line, wire, circle(8)), tube(back, wire, circle(8))]
        count = int(rng.integers(3, 9))
        sizes = np.linspace(0.16, 0.05, count) * float(rng.uniform(0.6, 1.1))
        for k, size in zip(np.linspace(2, 57, count).astype(int), sizes, strict=True):
            if stone.kind == "clear":
                parts += mounts.shifted(mounts.claw_set(rng, float(size), metal, stone), line[k] + [0, 0, 0.8 * size])
            elif rng.random() < 0.5:
                parts.append(Part(sphere(float(size), 18).moved(offset=line[k] + [0, 0, size]), stone, "stone"))
            else:
                work.append(sphere(float(size) * 0.8, 18).moved(offset=line[k] + [0, 0, size]))
    elif kind == "bar":
        long = float(rng.uniform(0.6, 1.3))
        work.append(tube(np.array([[0, 0, 0], [0, -long, 0], [0, -2 * long, 0]]), wire * 1.3, circle(8)))
        work.append(torus(0.08, wire, 24, 8).moved(offset=(0, 0.08, 0)))
        for y in rng.uniform(-2 * long, 0, int(rng.integers(0, 4))):
            parts.append(Part(sphere(float(rng.uniform(0.05, 0.12)), 18).moved(offset=(0, y, 0)), stone, "stone"))
    elif kind == "outline":
        solids, holes = figure(rng, str(rng.choice(["heart", "star", "drop", "leaf", "moon", "bolt", "cross"])))
        loop = solids[0] * float(rng.uniform(0.6, 1.0))
        work.append(tube(_flat(loop), wire * 1.3, circle(8), closed=True))
        if holes:
            work.append(tube(_flat(holes[0] * 0.7), wire, circle(8), closed=True))
        work.append(torus(0.07, wire, 24, 8).moved(offset=(0, float(loop[:, 1].max()) + 0.07, 0)))
    elif kind == "arc":
        for radius in rng.uniform(0.3, 1.0, int(rng.integers(1, 5))):
            start = float(rng.uniform(np.pi, np.pi * 1.2))
            work.append(tube(ring_path(float(radius), 70, start, 3 * np.pi - start), wire, circle(8)))
        work.append(tube(np.array([[-1.0, 0, 0], [0, 0.02, 0], [1.0, 0, 0]]), wire, circle(8)))
        work.append(torus(0.07, wire, 24, 8).moved(offset=(0, 0.08, 0)))
    else:
        t = np.linspace(0.08, 1, 220)
        a = 2 * np.pi * float(rng.uniform(2, 5)) * t
        work.append(tube(np.stack([t * np.cos(a), t * np.sin(a), 0 * t], 1), wire, circle(8)))
    if kind in ("bar", "outline", "arc", "spiral"):
        high = max(float(m.points[:, 1].max()) for m in work)
        tip = np.array([[0, high, 0], [0.05, high + 0.35, 0], [0.3, high + 0.55, 0], [0.55, high + 0.2, 0]])
        work.append(tube(spline(np.vstack([tip, [0.6, high - 0.35, 0]]), 60), wire, circle(8)))
    parts.append(Part(merge(work), metal, "metal"))
    one = Piece("threader", tuple(parts))
    if rng.random() < 0.15:
        return poses.lying(rng, one.sized(1.3), 0.05)
    wide = float(np.ptp(one.points()[:, 0])) + float(rng.uniform(0.2, 0.7))
    mirror = Piece("threader", tuple(Part(p.mesh.moved(np.diag([-1.0, 1, 1])), p.material, p.slot) for p in parts))
    both = [one.rested(), mirror.rested() if kind == "climber" else one.rested()]
    if rng.random() < 0.4:
        both[1] = poses.lying(rng, both[1], 0.05).rested()
    placed = tuple(q for k, p in enumerate(both) for q in p.moved(offset=(k * wide, rng.normal(0, 0.15), 0)).parts)
    return poses.turned(rng, Piece("threader", placed).sized(1.4))
