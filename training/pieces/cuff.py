"""Wide open bangle of plain, mirroring sheet, worn or lying; some hammered, brushed, pierced or with an inlay."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Mesh, noise, rotation
from training.piece import Part, Piece


def _bent(rng: np.random.Generator, tall: float, gap: float, oval: float, thick: float) -> Mesh:
    """Return a closed sheet of half height `tall` about z, open towards -y over `2 * gap` radians."""
    across, around = 40, 220
    t = np.linspace(gap - np.pi / 2, 2 * np.pi - gap - np.pi / 2, around)
    s = np.linspace(-1, 1, across)
    far = np.abs(np.linspace(-1, 1, around))
    waist = 1 - float(rng.uniform(-0.15, 0.75)) * far ** float(rng.uniform(1.2, 4))
    corner = np.sqrt(np.clip(1 - np.clip((far - 0.93) / 0.07, 0, 1) ** 2, 0.004, 1))
    high = tall * waist * corner
    wave = float(rng.choice([0.0, rng.uniform(0.1, 0.5)])) * np.sin(t * int(rng.integers(1, 5)))
    z = high[:, None] * s[None] + tall * wave[:, None]
    bulge = float(rng.uniform(-0.12, 0.25)) * tall * (1 - s**2)
    r = 1 + bulge[None] + 0 * z
    if rng.random() < 0.35:  # hammered, brushed or ribbed
        p = np.stack([np.cos(t)[:, None] * r, np.sin(t)[:, None] * r, z], -1).reshape(-1, 3)
        way = rng.random()
        if way < 0.45:
            field = np.minimum(np.abs(noise(p, rng, float(rng.uniform(6, 18)), 1)), 0.35)
            r = r + 0.05 * field.reshape(r.shape)
        elif way < 0.7:
            r = r + 0.02 * np.tanh(4 * np.sin(s * int(rng.integers(6, 22))))[None]
        else:
            r = r + 0.012 * noise(p * [1, 1, 14], rng, 8.0, 2).reshape(r.shape)
    outer = np.stack([np.cos(t)[:, None] * r, oval * np.sin(t)[:, None] * r, z], -1)
    inner = np.stack([np.cos(t)[:, None] * (r - thick), oval * np.sin(t)[:, None] * (r - thick), z], -1)
    loop = np.concatenate([outer, inner[:, ::-1]], 1)  # around the section
    n, m = around, 2 * across
    i, j = np.meshgrid(np.arange(n - 1), np.arange(m), indexing="ij")
    a, b = i * m + j, i * m + (j + 1) % m
    faces = [np.stack([a, a + m, b], -1).reshape(-1, 3), np.stack([b, a + m, b + m], -1).reshape(-1, 3)]
    k = np.arange(across - 1)
    for row, flip in ((0, False), (n - 1, True)):
        c, d, e, f = row * m + k, row * m + k + 1, row * m + m - 1 - k, row * m + m - 2 - k
        cap = np.concatenate([np.stack([c, d, e], 1), np.stack([d, f, e], 1)])
        faces.append(cap[:, ::-1] if flip else cap)
    return Mesh(loop.reshape(-1, 3), np.concatenate(faces))


def make(rng: np.random.Generator) -> Piece:
    """Draw one cuff."""
    metal = materials.metal(rng)
    tall, oval = float(rng.uniform(0.18, 0.85)), float(rng.uniform(0.75, 1.0))
    body = _bent(rng, tall, float(rng.uniform(0.2, 0.7)), oval, float(rng.uniform(0.03, 0.07)))
    parts = [Part(body, metal, "metal")]
    up = np.array([0.0, 1.0, 0.0])
    way = rng.random()
    if way < 0.15:
        head = mounts.cabochon_set(rng, float(rng.uniform(0.3, 0.9)) * min(tall, 0.6), metal, materials.stone(rng))
        parts += mounts.placed(head, up, up * (oval + 0.06))
    elif way < 0.25:
        for x in np.linspace(-0.7, 0.7, int(rng.integers(3, 8))):
            out = np.array([np.sin(x), np.cos(x), 0])
            stone = mounts.cabochon_set(rng, 0.09, metal, materials.stone(rng))
            parts += mounts.placed(stone, out, out * [1, oval, 1] * 1.03)
    piece = Piece("cuff", tuple(parts))
    pose = rng.random()
    if pose < 0.4:  # upright on its edge, opening to one side
        return poses.turned(rng, piece.moved(rotation((1, 0, 0), rng.uniform(0, 0.2))))
    if pose < 0.75:  # lying on its open side, the plain face up
        return poses.turned(rng, piece.moved(rotation((1, 0, 0), np.pi / 2 + rng.normal(0, 0.2))))
    return poses.ring(rng, piece)
