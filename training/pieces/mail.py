"""Woven bands: chain mail of round rings, or a Milanese ribbon of coils, as a bracelet, a choker or a pair of drops."""

from __future__ import annotations

import numpy as np

from training import materials, poses
from training.geometry import Array, Mesh, box, circle, instances, merge, torus, tube
from training.piece import Part, Piece


def _grid(rows: int, columns: int, radius: float, thick: float) -> Mesh:
    """Return mail four in one, flat in x-y: rings that lean by turns, x along the band."""
    ring = torus(radius, thick, 14, 6)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    at = np.stack([1.25 * radius * i, 1.25 * radius * (j - (rows - 1) / 2), 0.0 * i], 1)
    lean = np.where((i + j) % 2 == 0, 0.45, -0.45)
    c, s, o = np.cos(lean), np.sin(lean), 0 * lean
    axes = np.stack([np.stack([c, o, s], 1), np.stack([o, o + 1, o], 1), np.stack([-s, o, c], 1)], 1)
    return instances(ring, axes, at)


def _milanese(rows: int, columns: int, radius: float, thick: float) -> Mesh:
    """Return a ribbon of flattened coils across the band, each hooked into the next."""
    half = 0.9 * radius * rows / 2
    t = np.linspace(-1, 1, 10 * rows)
    work: list[Mesh] = []
    for k in range(columns):
        turn = np.pi * rows * t + (np.pi if k % 2 else 0)
        path = np.stack([k * 1.1 * radius + 0.75 * radius * np.cos(turn), half * t, 0.35 * radius * np.sin(turn)], 1)
        work.append(tube(path, thick, circle(5)))
    return merge(work)


def _laid(band: Mesh, path: Array) -> Mesh:
    """Lay a flat band along x over `path` [N, 2]: an upright loop of heights [:, 1], or a wavy ribbon."""
    far = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    x = (band.points[:, 0] - band.points[:, 0].min()) / max(float(np.ptp(band.points[:, 0])), 1e-6) * far[-1]
    slope = np.gradient(path, axis=0)
    slope /= np.linalg.norm(slope, axis=1, keepdims=True)
    at = np.stack([np.interp(x, far, path[:, k]) for k in (0, 1)], 1)
    way = np.stack([np.interp(x, far, slope[:, k]) for k in (0, 1)], 1)
    out = at + band.points[:, 2:] * np.stack([-way[:, 1], way[:, 0]], 1)
    return Mesh(np.stack([out[:, 0], band.points[:, 1], out[:, 1]], 1), band.faces, band.smooth)


def make(rng: np.random.Generator) -> Piece:
    """Draw one band, flat or curled up."""
    metal = materials.metal(rng)
    radius = float(rng.uniform(0.06, 0.14))
    rows = int(rng.integers(2, 9))
    columns = int(min(rng.uniform(2.5, 5) / (1.2 * radius), 1500 / rows))
    thick = radius * float(rng.uniform(0.14, 0.28))
    weave = _grid if rng.random() < 0.65 else _milanese
    band = weave(rows, columns, radius, thick)
    length = float(np.ptp(band.points[:, 0]))
    shape = rng.random()
    clasp = [box(0.1, 0.5 * float(np.ptp(band.points[:, 1])), 0.06, 0.3).faceted()]
    ends = [float(band.points[:, 0].min()) - 0.08, float(band.points[:, 0].max()) + 0.08]
    band = merge([band, *(c.moved(offset=(x, 0, 0)) for c in clasp for x in ends)])
    if shape < 0.4:  # standing as a loop, axis y, then turned onto its edge or left upright
        a = np.linspace(-np.pi / 2 + 0.12, 1.5 * np.pi - 0.12, 120)
        oval = float(rng.uniform(0.6, 1.0))
        body = _laid(band, np.stack([np.cos(a), oval * np.sin(a)], 1) * length / (2 * np.pi))
        if rng.random() < 0.7:
            body = body.moved(np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]))
    else:
        x = np.linspace(0, 1, 80)
        wave = float(rng.uniform(0, 0.06)) * np.sin(2 * np.pi * x * float(rng.uniform(0.5, 2)))
        body = _laid(band, np.stack([x, wave - wave.min()], 1) * length)
        bend = float(rng.normal(0, 0.25))
        middle = body.points[:, 0] - body.points[:, 0].mean()
        body = Mesh(body.points + np.c_[0 * middle, bend * middle**2 / length, 0 * middle], body.faces, body.smooth)
    piece = Piece("mail", (Part(body, metal, "metal"),)).sized(float(rng.uniform(1.1, 1.7)))
    return poses.turned(rng, piece)
