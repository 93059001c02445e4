"""Openwork of woven or welded wire: square, diagonal or triangular mesh in a frame, or rolled into a tube or cuff."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, Mesh, circle, merge, noise, sphere, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import hook
from training.pieces.pendant import hung
from training.pieces.pierced_plate import outline


def _spans(frame: Array, y: float) -> list[tuple[float, float]]:
    """Return where the line at height `y` runs inside the loop `frame`."""
    a, b = frame, np.roll(frame, -1, 0)
    cross = (a[:, 1] > y) != (b[:, 1] > y)
    a, b = a[cross], b[cross]
    x = np.sort(a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1]))
    return list(zip(x[::2].tolist(), x[1::2].tolist(), strict=False))


def woven(rng: np.random.Generator, frame: Array, pitch: float, wire: float) -> list[Mesh]:
    """Return wires over and under each other within `frame` [K, 2], in two or three directions."""
    turn = float(rng.choice([0.0, np.pi / 4, rng.uniform(0, 1.5)]))
    directions = [turn, turn + np.pi / 2] if rng.random() < 0.75 else [turn, turn + np.pi / 3, turn + 2 * np.pi / 3]
    wave = wire if len(directions) == 2 and rng.random() < 0.7 else 0.0
    sag = float(rng.choice([0.0, rng.uniform(0, 0.3)])) * pitch
    work = []
    for d, angle in enumerate(directions):
        c, s = np.cos(angle), np.sin(angle)
        flat = frame @ np.array([[c, -s], [s, c]])
        for i, y in enumerate(np.arange(-1.4, 1.4, pitch)):
            for left, right in _spans(flat, float(y)):
                if right - left < 2 * wire:
                    continue
                x = np.linspace(left, right, max(int((right - left) / pitch * (6 if wave else 3)), 4))
                z = wave * np.sin(np.pi * x / pitch + np.pi * (i + d)) if wave else 0.5 * wire * (d - 0.5) + 0 * x
                line = np.stack([x, y + sag * np.sin(6 * x + i), z], 1)
                work.append(tube(line @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]), wire, circle(6)))
    return work


def _tangle(rng: np.random.Generator, frame: Array, wire: float) -> list[Mesh]:
    """Return a nest of wires wound at random within `frame`."""
    work = []
    far = np.abs(frame).max()
    for _ in range(int(rng.integers(6, 22))):
        a = rng.uniform(0, 2 * np.pi, 7).cumsum() * 0.4
        knots = np.stack([np.cos(a), np.sin(a)], 1) * rng.uniform(0.35, 0.97, (7, 1)) * far
        t = np.linspace(0, 1, 80)
        path = np.stack([np.interp(t, np.linspace(0, 1, 7), knots[:, k]) for k in range(2)], 1)
        path = np.stack([np.convolve(np.pad(path[:, k], 8, "edge"), np.ones(17) / 17, "valid") for k in range(2)], 1)
        z = 2.5 * wire * noise(np.c_[path, 0 * t], rng, 3.0, 1)
        work.append(tube(np.c_[path * np.abs(frame).max(0) / far, z], wire, circle(6)))
    return work


def make(rng: np.random.Generator) -> Piece:
    """Draw one piece of wire mesh."""
    metal = materials.metal(rng)
    frame = outline(rng)
    pitch = float(np.exp(rng.uniform(np.log(0.1), np.log(0.4))))
    wire = min(float(rng.uniform(0.012, 0.045)), pitch * 0.22)
    way = rng.random()
    if way < 0.25:  # a band of mesh bent into a cuff or ring
        long, tall = 5.4, float(rng.uniform(0.25, 0.7))
        angle = float(rng.choice([np.pi / 4, np.pi / 6, np.pi / 3]))
        lines = []
        for sign in (-1, 1):
            for start in np.arange(-long / 2 - 2 * tall, long / 2, pitch * 1.3):
                t = np.linspace(0, 1, 30)
                x, y = start + t * 2 * tall / np.tan(angle), sign * (2 * t - 1) * tall
                keep = np.abs(x) < long / 2
                if keep.sum() > 4:
                    lines.append(np.stack([x, y, sign * 0.7 * wire + 0 * x], 1)[keep])
        lines += [np.stack([np.linspace(-long / 2, long / 2, 200), np.full(200, s * tall), np.zeros(200)], 1)
                  for s in (-1, 1)]  # fmt: skip
        bent = []
        for line in lines:
            a, r = line[:, 0] / 1.0, 1 + line[:, 2]
            bent.append(tube(np.stack([r * np.sin(a), r * np.cos(a), line[:, 1]], 1), wire, circle(6)))
        for s in (-1, 1):
            a = s * long / 2
            end = np.stack([np.full(9, np.sin(a)), np.full(9, np.cos(a)), np.linspace(-tall, tall, 9)], 1)
            bent.append(tube(end, wire * 1.5, circle(8)))
        parts = [Part(merge(bent), metal, "metal")]
        return poses.ring(rng, Piece("lattice", tuple(parts)))
    work = _tangle(rng, frame, wire) if rng.random() < 0.2 else woven(rng, frame, pitch, wire)
    work.append(tube(np.c_[frame, 0 * frame[:, 0]], wire * float(rng.uniform(1.4, 3)), circle(8), closed=True))
    dome = float(rng.choice([0.0, rng.uniform(-0.35, 0.35)]))
    body = merge(work)
    z = dome * (body.points[:, :2] ** 2).sum(1)
    body = body.moved(offset=np.stack([0 * z, 0 * z, z], 1))
    top = float(body.points[np.abs(body.points[:, 0]) < 0.1, 1].max())
    ring = torus(0.1, wire * 1.3, 28, 8).moved(offset=(0, top + 0.08, dome * top**2))
    parts = [Part(merge([body, ring]), metal, "metal")]
    if rng.random() < 0.35:
        stone, count = materials.stone(rng), int(rng.integers(1, 9))
        for _ in range(count):
            at = rng.uniform(-0.45, 0.45, 2) * np.abs(frame).max(0)
            size = float(rng.uniform(0.05, 0.16))
            spot = (at[0], at[1], dome * float((at**2).sum()) + 0.5 * size)
            parts.append(Part(sphere(size, 18).moved(offset=spot), stone, "stone"))
    parts = mounts.shifted(parts, (0, 0, -min(float(p.mesh.points[:, 2].min()) for p in parts)))
    if way < 0.55:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.5, 2.4)))
        made = hung(rng, parts, top + 0.18, metal, path, float(rng.uniform(0.02, 0.05)))
        return poses.lying(rng, Piece("lattice", tuple(made)).sized(1.5), 0.03)
    if way < 0.8:
        one = Piece("lattice", (*parts, Part(hook(rng, 0.03).moved(offset=(0, top + 0.22, 0.03)), metal, "metal")))
        gap = float(rng.uniform(1.9, 2.8))
        both = poses.beside([one.rested()] * 2, gap, 0.1)
        return poses.turned(rng, Piece("lattice", both).sized(1.4))
    return poses.lying(rng, Piece("lattice", tuple(parts)), 0.6)
