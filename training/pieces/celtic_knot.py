"""HELD OUT. Interlaced wires or bands that pass over and under each other, as pendant, brooch or earrings."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from training import links, materials, mounts, poses
from training.geometry import Array, circle, rounded, torus, tube
from training.piece import Part, Piece
from training.pieces.pendant import hung


def crossings(path: Array) -> Array:
    """Return the places [C, 2] along a closed flat curve (in steps) where it crosses itself, each pair sorted."""
    a, b = path, np.roll(path, -1, 0)
    d = b - a
    cross = d[:, None, 0] * d[None, :, 1] - d[:, None, 1] * d[None, :, 0]
    gap = a[None] - a[:, None]
    safe = np.where(np.abs(cross) < 1e-12, 1.0, cross)
    u = (gap[..., 0] * d[None, :, 1] - gap[..., 1] * d[None, :, 0]) / safe
    v = (gap[..., 0] * d[:, None, 1] - gap[..., 1] * d[:, None, 0]) / safe
    hit = (np.abs(cross) > 1e-12) & (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    i, j = np.nonzero(np.triu(hit, 2))
    keep = ~((i == 0) & (j == len(path) - 1))
    return np.stack([i + u[i, j], j + v[i, j]], 1)[keep]


def interlaced(path: Array, height: float) -> Array:
    """Lift a closed flat curve [N, 2] to [N, 3] so that it passes over and under itself by turns."""
    at = np.sort(crossings(path).ravel())
    if len(at) < 2:
        return np.c_[path, 0 * path[:, 0]]
    n = len(path)
    level = np.where(np.arange(len(at)) % 2, -height, height)
    knots = np.concatenate([at[-2:] - n, at, at[:2] + n])
    values = np.concatenate([level[-2:], level, level[:2]])
    knots = knots + np.arange(len(knots)) * 1e-6
    return np.c_[path, PchipInterpolator(knots, values)(np.arange(n))]


def make(rng: np.random.Generator) -> Piece:
    """Draw one knot."""
    metal = materials.metal(rng)
    t = np.linspace(0, 2 * np.pi, 420, endpoint=False)
    kind = rng.choice(["rosette", "lissajous", "triquetra", "torus"])
    if kind == "rosette":
        p, q = [(2, 5), (3, 7), (3, 8), (2, 7), (4, 9)][int(rng.integers(5))]
        r = 0.62 + float(rng.uniform(0.28, 0.38)) * np.cos(q * t)
        flat = np.stack([r * np.cos(p * t), r * np.sin(p * t)], 1)
    elif kind == "lissajous":
        p, q = [(2, 3), (3, 4), (3, 5), (4, 5)][int(rng.integers(4))]
        flat = np.stack([0.75 * np.sin(p * t + 0.6), np.sin(q * t)], 1)
    elif kind == "triquetra":
        flat = np.stack([np.cos(t) - 1.6 * np.cos(2 * t), np.sin(t) + 1.6 * np.sin(2 * t)], 1) / 2.4
    else:
        p, q = 2, int(rng.choice([3, 5, 7, 9]))
        r = 0.7 + 0.3 * np.cos(q * t)
        flat = np.stack([r * np.cos(p * t), r * np.sin(p * t)], 1)
    wire = float(rng.uniform(0.03, 0.09)) * (0.7 if kind == "lissajous" else 1.0)
    path = interlaced(flat, wire * 1.02)
    section = circle(12) if rng.random() < 0.6 else rounded(14, 5.0, 0.7, 1.3)
    parts = [Part(tube(path, wire, section, closed=True), metal, "metal")]
    if rng.random() < 0.5:
        frame = metal if rng.random() < 0.7 else materials.metal(rng)
        parts.append(Part(torus(1.0 + wire, wire, 120, 12), frame, "metal"))
    if rng.random() < 0.3:
        size = max(float(np.linalg.norm(flat, axis=1).min()), 0.12)  # it touches the innermost wires
        stone = mounts.cabochon_set(rng, size, metal, materials.stone(rng))
        parts += mounts.shifted(stone, (0, 0, wire * 2))
    top = max(float(p.mesh.points[np.abs(p.mesh.points[:, 0]) < 0.15, 1].max(initial=0.3)) for p in parts)
    parts.append(Part(torus(0.11, 0.03, 28, 8).moved(offset=(0, top + 0.06, 0)), metal, "metal"))
    if rng.random() < 0.6:
        line = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.5, 2.4)))
        parts = mounts.shifted(parts, (0, 0, 2 * wire))
        made = hung(rng, parts, top + 0.17, metal, line, float(rng.uniform(0.02, 0.06)))
        return poses.lying(rng, Piece("celtic_knot", tuple(made)).sized(1.5), 0.03)
    return poses.lying(rng, Piece("celtic_knot", tuple(parts)), 0.4)
