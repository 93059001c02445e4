"""Tiaras, combs and headbands: scrolls, points and stones along a bent band, some with teeth."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Array, Mesh, circle, curled, gem, merge, rotation, rounded, sphere, spline, tube
from training.piece import Part, Piece


def _motif(rng: np.random.Generator, tall: float, wide: float, wire: float) -> list[Mesh]:
    """Return the wires of one motif, foot at the origin, up along +y, half width `wide`."""
    kind = str(rng.choice(["scroll", "gothic", "loop", "leaf", "spike"]))
    t = np.linspace(0, 1, 40)

    def line(x: Array, y: Array) -> Mesh:
        return tube(np.stack([x, y, 0 * x], 1), wire, circle(8))

    if kind == "scroll":
        a = 2 * np.pi * 1.4 * t
        r = wide * 0.55 * (1 - 0.75 * t)
        x, y = wide * 0.5 + r * np.cos(a + np.pi), tall * 0.55 + r * np.sin(a + np.pi) * 1.2
        return [line(s * np.r_[0 * t, x], np.r_[tall * 0.5 * t, y]) for s in (-1, 1)]
    if kind == "gothic":
        return [line(s * wide * np.cos(t * np.pi / 2), tall * np.sin(t * np.pi / 2)) for s in (-1, 1)]
    if kind == "loop":
        a = 2 * np.pi * t
        return [line(wide * 0.8 * np.sin(a), tall * (1 - np.cos(a)) / 2)]
    if kind == "leaf":
        bow = wide * 0.6 * np.sin(np.pi * t)
        return [line(s * bow, tall * t) for s in (-1, 0, 1)]
    return [line(0 * t, tall * t), line(wide * (2 * t - 1), tall * 0.3 * np.sin(np.pi * t))]


def make(rng: np.random.Generator) -> Piece:
    """Draw one tiara, standing or lying, or a comb lying flat."""
    metal = materials.metal(rng)
    comb = rng.random() < 0.45
    half = float(rng.uniform(0.5, 0.9)) if comb else float(rng.uniform(0.9, 1.5))
    count = int(rng.integers(3, 8)) if comb else 2 * int(rng.integers(2, 6)) + 1
    wire = float(np.exp(rng.uniform(np.log(0.01), np.log(0.035))))
    material, pearl = materials.stone(rng), materials.pearl(rng)
    wide = half / count
    tall = float(rng.uniform(0.25, 0.7))
    work: list[Mesh] = []
    stones: list[Part] = []
    seed = int(rng.integers(1 << 31))
    for k in range(count):
        x = (2 * k + 1 - count) * wide
        high = tall * (1 - 0.6 * (x / half) ** 2)
        same = np.random.default_rng(seed + (k % 2))
        work += [m.moved(offset=(x, 0, 0)) for m in _motif(same, high, wide, wire)]
        if rng.random() < 0.8:
            size = float(rng.uniform(0.03, 0.09))
            top = (x, high + 0.6 * size, 0.0)
            if rng.random() < 0.5:
                stones.append(Part(sphere(size, 20).moved(offset=top), pearl, "stone"))
            else:
                stones += mounts.shifted([Part(gem("round", size), material, "stone")], top)
                work.append(tube(np.array([[x, high * 0.6, 0], [x, high, -0.02]]), wire, circle(6)))
                work.append(mounts.prongs(size, 4, 0.15 * size, 1.0).moved(offset=top))
    base = np.stack([np.linspace(-half, half, 60), np.zeros(60), np.zeros(60)], 1)
    work.append(tube(base, 1.0, rounded(12, 4.0, 0.03, float(rng.uniform(0.02, 0.06)))))
    if comb:
        teeth, long = int(rng.integers(6, 22)), float(rng.uniform(0.5, 1.0))
        for x in np.linspace(-0.95 * half, 0.95 * half, teeth):
            knots = np.array([[x, 0, 0], [x, -0.5 * long, 0.03], [x, -long, 0]])
            work.append(tube(spline(knots, 20), wire * 1.2, circle(6)))
    parts = [Part(merge(work), metal, "metal"), *stones]
    if not comb:  # bend about an upright axis behind it
        radius = half / float(rng.uniform(1.0, 2.4))
        parts = [Part(curled(p.mesh, radius, 0), p.material, p.slot) for p in parts]
    piece = Piece("tiara", tuple(parts)).sized(float(rng.uniform(1.1, 1.6)))
    if not comb and rng.random() < 0.6:  # standing on its band
        return poses.turned(rng, piece.moved(rotation((1, 0, 0), float(rng.uniform(1.1, 1.57)))))
    return poses.lying(rng, piece, 0.15)
