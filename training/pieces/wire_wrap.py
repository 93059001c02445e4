"""Stones wound with wire: nuggets in a cage of coils, on ear wires or a chain; wire letters and knots."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import circle, merge, noise, sphere, spline, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import hook


def make(rng: np.random.Generator) -> Piece:
    """Draw a wrapped stone, or a pair of them."""
    metal = materials.metal(rng)
    wire = float(rng.uniform(0.015, 0.05))
    long, wide = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.22, 0.5))
    deep = wide * float(rng.uniform(0.6, 1.0))
    stone = materials.opaque(rng) if rng.random() < 0.7 else materials.clear(rng)
    parts: list[Part] = []
    if rng.random() < 0.85:
        ball = sphere(1.0, 48)
        rough = ball.displaced(0.12 * noise(ball.points, rng, 2.0, 2)).scaled(wide * 0.95, long, deep * 0.95)
        parts.append(Part(rough, stone, "stone"))
        turns = float(rng.uniform(2.5, 8))
        t = np.linspace(-0.97, 0.97, 300)
        r = np.sqrt(1 - t**2) * 1.06 + 0.04
        around = turns * np.pi * t + float(rng.uniform(0, 0.4)) * np.sin(5 * t + rng.uniform(0, 6))
        coil = np.stack([wide * r * np.cos(around), long * t, deep * r * np.sin(around)], 1)
        metals = [tube(coil, wire, circle(8))]
    else:  # a bent wire figure
        knots = rng.normal(0, 0.45, (int(rng.integers(6, 11)), 3)) * [1, 1, 0.05]
        metals = [tube(spline(knots, 300), wire * 1.3, circle(8))]
        long = 0.6
    neck = np.stack(
        [
            np.cos(a := np.linspace(0, 18, 120)) * wire * 2.2,
            np.linspace(long, long + 0.16, 120),
            np.sin(a) * wire * 2.2,
        ],
        1,
    )
    metals.append(tube(neck, wire, circle(8)))
    top = long + 0.22
    metals.append(torus(0.07, wire, 24, 8).moved(offset=(0, top, 0)))
    way = rng.random()
    if way < 0.55:
        metals.append(hook(rng, wire).moved(offset=(0, top + 0.1, 0)))
        one = Piece("wire_wrap", (*parts, Part(merge(metals), metal, "metal")))
        pair = [poses.lying(rng, one, 0.2).rested() if rng.random() < 0.5 else one.rested() for _ in range(2)]
        gap = float(rng.uniform(0.7, 1.3))
        beside = [p.moved(offset=(gap * i, rng.normal(0, 0.15), 0)) for i, p in enumerate(pair)]
        piece = Piece("wire_wrap", tuple(part for p in beside for part in p.parts))
        return poses.turned(rng, piece.sized(1.3))
    path = links.drape(rng, str(rng.choice(["u", "v"])), 1.8)
    path = path - path[np.argmin(path[:, 1])] + [0, top + 0.07, 0]
    if way < 0.8:
        metals.append(links.chain(rng, path, float(rng.uniform(0.02, 0.07))))
    else:
        parts.append(Part(tube(path, float(rng.uniform(0.015, 0.04)), circle(8)), materials.cord(rng), "other"))
    return poses.lying(rng, Piece("wire_wrap", (*parts, Part(merge(metals), metal, "metal"))).sized(1.5), 0.03)
