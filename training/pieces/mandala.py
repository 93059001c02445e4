"""Laser-cut rosette: thin flat bars of even thickness in circles, arcs, petals and star lines, very open."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from training import materials, mounts, poses
from training.geometry import Array, Mesh, instances, merge, rounded, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import hook


def _turns(count: int) -> Array:
    """Return rotations [count, 3, 3] about z."""
    a = np.arange(count) * 2 * np.pi / count
    c, s, o = np.cos(a), np.sin(a), 0 * a
    return np.stack([np.stack([c, -s, o], 1), np.stack([s, c, o], 1), np.stack([o, o, o + 1], 1)], 1)


def _band(rng: np.random.Generator, low: float, high: float, fold: int, section: Array) -> list[Mesh]:
    """Return one ring of ornament between two radii, as one cell of `fold`."""
    half = np.pi / fold
    t = np.linspace(0, 1, 26)
    kind = rng.choice(["petal", "arch", "zigzag", "circle", "spoke", "cross", "lotus"])

    def line(radius: Array, angle: Array, closed: bool = False) -> Mesh:
        path = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0 * radius], 1)
        return tube(path, 1.0, section, closed=closed)

    deep = high - low
    if kind == "petal":
        wide = half * 0.95 * np.sin(np.pi * t)
        return [line(low + deep * t, s * wide) for s in (-1, 1)]
    if kind == "arch":
        return [line(low + deep * np.sin(np.pi * t), half * (2 * t - 1))]
    if kind == "zigzag":
        return [line(low + deep * t, s * half * t) for s in (-1, 1)]
    if kind == "circle":
        a, mid = 2 * np.pi * t[:-1], (low + high) / 2
        size = min(deep / 2, half * mid)
        x, y = mid + size * np.cos(a), size * np.sin(a)
        return [tube(np.stack([x, y, 0 * a], 1), 1.0, section, closed=True)]
    if kind == "spoke":
        return [line(low + deep * t, 0 * t)]
    if kind == "cross":
        return [line(low + deep * t, s * half * (2 * t - 1)) for s in (-1, 1)]
    inner = half * 0.5 * np.sin(np.pi * t)
    wide = half * 1.6 * np.sin(np.pi * t) * (1 - 0.3 * t)
    return [line(low + deep * t, s * w) for s in (-1, 1) for w in (wide, inner)]


def make(rng: np.random.Generator) -> Piece:
    """Draw one rosette or a pair of rosette earrings."""
    metal = materials.metal(rng)
    wide, thick = float(np.exp(rng.uniform(np.log(0.008), np.log(0.03)))), float(rng.uniform(0.008, 0.02))
    section = rounded(8, 6.0, thick, wide)  # x along z
    fold = int(rng.choice([5, 6, 8, 10, 12, 16]))
    levels = np.cumsum(rng.uniform(0.6, 1.4, int(rng.integers(3, 7))))
    start = float(rng.uniform(0.0, 0.25))
    levels = start + (1 - start) * np.concatenate([[0.0], levels / levels[-1]])
    cells: list[Mesh] = []
    work: list[Mesh] = []
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    for i, (low, high) in enumerate(pairwise(levels)):
        times = fold * (2 if low > 0.6 and rng.random() < 0.4 else 1)
        cell = merge(_band(rng, max(float(low), 0.02), float(high), times, section))
        cells.append(instances(cell, _turns(times), np.zeros((times, 3))))
        if i == len(levels) - 2 or rng.random() < 0.7:
            ring = np.stack([high * np.cos(t), high * np.sin(t), 0 * t], 1)
            work.append(tube(ring, 1.0, section, closed=True))
    work += cells
    top = 1.0
    if rng.random() < 0.3:  # lobes outside
        cell = merge(_band(rng, 1.0, 1.18, fold * 2, section))
        work.append(instances(cell, _turns(2 * fold), np.zeros((2 * fold, 3))))
    squeeze = float(rng.choice([1.0, rng.uniform(0.7, 0.9)], p=[0.75, 0.25]))
    body = merge(work).scaled(squeeze, 1.0, 1.0)
    eye = torus(0.08, wide * 1.3, 26, 8).moved(offset=(0, top + 0.08, 0))
    parts = [Part(merge([body, eye]), metal, "metal")]
    if rng.random() < 0.3:
        stone = mounts.cabochon_set(rng, max(start, 0.08), metal, materials.stone(rng))
        parts += mounts.shifted(stone, (0, 0, 0.05))
    if rng.random() < 0.6:
        ear = hook(rng, float(rng.uniform(0.015, 0.03))).moved(offset=(0, top + 0.2, 0))
        one = Piece("mandala", (*parts, Part(ear, metal, "metal")))
        gap = float(rng.uniform(2.1, 2.9))
        pair = [poses.lying(rng, one, 0.2).rested() if rng.random() < 0.3 else one.rested() for _ in range(2)]
        both = poses.beside(pair, gap, 0.1)
        return poses.turned(rng, Piece("mandala", both).sized(1.45))
    return poses.lying(rng, Piece("mandala", tuple(parts)), 0.7)
