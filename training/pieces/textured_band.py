"""Ring with a worked surface: engraved, hammered, brushed, milgrained, twisted, rope-edged, enamelled, two metals."""

from __future__ import annotations

import numpy as np

from training import materials, poses
from training.geometry import Array, Mesh, circle, instances, merge, noise, ring_path, rounded, sphere, tube
from training.piece import Part, Piece


def _rim(z: float, radius: float, size: float, count: int) -> Mesh:
    """Return beads of milgrain around the edge of a band."""
    a = np.arange(count) * 2 * np.pi / count
    spots = np.stack([radius * np.cos(a), radius * np.sin(a), 0 * a + z], 1)
    return instances(sphere(size, 8), np.tile(np.eye(3), (count, 1, 1)), spots)


def _rope(z: float, radius: float, size: float, turns: int) -> Mesh:
    """Return two wires wound about each other around the edge of a band."""
    a = np.linspace(0, 2 * np.pi, 16 * turns, endpoint=False)
    wires = []
    for phase in (0, np.pi):
        r = radius + size * np.cos(turns * a + phase)
        path = np.stack([r * np.cos(a), r * np.sin(a), z + size * np.sin(turns * a + phase)], 1)
        wires.append(tube(path, size, circle(6), closed=True))
    return merge(wires)


def _pattern(rng: np.random.Generator, p: Array, width: float) -> Array:
    """Return an engraving [V] in [-1, 1]: waves, leaves, checks, rays, brush strokes or hammer marks."""
    a, v = np.arctan2(p[:, 1], p[:, 0]), p[:, 2] / width
    count = int(rng.integers(8, 36))
    kind = rng.choice(["waves", "leaves", "checks", "rays", "brush", "hammer", "greek", "facets"])
    if kind == "waves":
        return np.tanh(6 * (np.abs(np.sin(count * a / 2) * 0.6 - v) - 0.22)).clip(-1, 1)
    if kind == "leaves":
        return np.tanh(8 * (np.abs(np.sin(count * a)) * (1 - v**2) - 0.35))
    if kind == "checks":
        return np.sign(np.sin(count * a + 3 * v) * np.sin(count * a - 3 * v))
    if kind == "rays":
        return np.tanh(5 * np.sin(2 * count * a + float(rng.uniform(-4, 4)) * v))
    if kind == "brush":
        phase = rng.uniform(0, 6.28, 12)
        waves = rng.integers(60, 220, 12)
        return np.sin(a[:, None] * waves + phase + 4 * v[:, None]).mean(1)
    if kind == "greek":
        step = (a / (2 * np.pi) * count) % 1
        return np.where(((step < 0.6) & (np.abs(v) < 0.65)) ^ ((step > 0.2) & (np.abs(v) < 0.3)), 0.0, 1.0)
    if kind == "facets":
        return 2 * np.abs(((a / (2 * np.pi) * count + 0.5 * np.round(2 * v)) % 1) - 0.5) - np.abs(v)
    return -3 * np.minimum(np.abs(noise(p, rng, float(rng.uniform(8, 22)), 1)), 0.33)


def band(rng: np.random.Generator, width: float, thick: float) -> Mesh:
    """Return one worked band about z."""
    if rng.random() < 0.15:
        section = rounded(16, 3.0, thick * 1.4, thick * 0.7)
        turns = int(rng.integers(3, 14))
        return tube(ring_path(1.0, 420), 1.0, section, closed=True, twist=np.pi * 2 * turns)
    section = rounded(72, float(rng.uniform(2.5, 9)), width, thick)
    path = ring_path(1.0, 600)
    if rng.random() < 0.2:
        a = np.arctan2(path[:, 1], path[:, 0])
        path = path + np.stack([0 * a, 0 * a, 0.25 * np.exp(-(((np.abs(a - np.pi / 2)) / 0.35) ** 2))], 1)
    body = tube(path, 1.0, section, closed=True)
    outside = np.hypot(body.points[:, 0], body.points[:, 1]) > 1.0
    flat = np.abs(body.points[:, 2]) < 0.85 * width
    cut = float(rng.uniform(0.1, 0.3)) * thick
    return body.displaced(cut * _pattern(rng, body.points, width) * outside * np.where(flat, 1.0, 0.15))


def make(rng: np.random.Generator) -> Piece:
    """Draw one worked band, sometimes with rims of another metal or an enamel inlay."""
    metal = materials.metal(rng)
    width, thick = float(rng.uniform(0.08, 0.42)), float(rng.uniform(0.05, 0.1))
    parts = [Part(band(rng, width, thick), metal, "metal")]
    edge = metal if rng.random() < 0.4 else materials.metal(rng)
    rim = rng.random()
    if rim < 0.25:
        size = thick * float(rng.uniform(0.35, 0.6))
        beads = [_rim(s * width * 0.97, 1.0 + thick * 0.6, size, int(2 * np.pi / (2.05 * size))) for s in (-1, 1)]
        parts.append(Part(merge(beads), edge, "metal"))
    elif rim < 0.45:
        size = thick * 0.45
        ropes = [_rope(s * (width + size), 1.0 + thick * 0.4, size, int(rng.integers(30, 60))) for s in (-1, 1)]
        parts.append(Part(merge(ropes), edge, "metal"))
    elif rim < 0.6:
        section = rounded(16, 3.0, 0.18 * width, thick * 1.25)
        lines = [tube(ring_path(1.0) + np.array([0, 0, s * width * 0.95]), 1.0, section, closed=True) for s in (-1, 1)]
        parts.append(Part(merge(lines), edge, "metal"))
    if rng.random() < 0.25:
        section = rounded(20, 8.0, float(rng.uniform(0.2, 0.6)) * width, thick * 1.12)
        inlay = tube(ring_path(1.0, 160), 1.0, section, closed=True)
        if rng.random() < 0.6:
            parts.append(Part(inlay, materials.opaque(rng, True), "stone"))
        else:
            parts.append(Part(inlay, materials.metal(rng), "metal"))
    return poses.ring(rng, Piece("textured_band", tuple(parts)))
