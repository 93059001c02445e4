"""Pendant, earring or link with a large plain face: bar, shield, dog tag, half moon, polygon, torn sheet; a mirror."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import Array, circle, merge, noise, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import hook
from training.pieces.pendant import hung
from training.plates import block, drop, ellipse, heart, leaf, plate, turned


def _outline(rng: np.random.Generator) -> Array:
    """Return one plain loop within about [-1, 1]."""
    kind = rng.choice(["bar", "tag", "shield", "moon", "polygon", "torn", "disc", "drop", "heart", "leaf", "trapeze"])
    if kind == "bar":
        return block(float(rng.uniform(0.12, 0.4)), 1.0)
    if kind == "tag":
        c = circle(80)
        return np.sign(c) * np.abs(c) ** (2 / float(rng.uniform(3, 7))) * [float(rng.uniform(0.45, 0.9)), 1.0]
    if kind == "shield":
        y = np.linspace(-1, 0.6, 30)
        wide = 0.75 * (1 - ((0.6 - y) / 1.6) ** float(rng.uniform(1.5, 3))) ** 0.7
        right = np.stack([wide, y], 1)
        return np.concatenate([right, [[0, 0.8]], (right * [-1, 1])[:0:-1]])
    if kind == "moon":
        a = np.linspace(np.pi, 2 * np.pi, 50)
        return np.stack([np.cos(a), 0.3 + np.sin(a)], 1)
    if kind == "polygon":
        return turned(circle(int(rng.integers(3, 9))), np.pi / 2)
    if kind == "torn":
        c = circle(120)
        far = 1 + 0.16 * noise(np.c_[c, 0 * c[:, 0]], rng, float(rng.uniform(1.5, 4)), 3)
        return c * far[:, None] * [float(rng.uniform(0.5, 1)), 1.0]
    if kind == "disc":
        return ellipse(float(rng.uniform(0.5, 1.0)), 1.0, sides=90)
    if kind == "drop":
        return drop(float(rng.uniform(0.7, 1.5)), float(rng.uniform(0.5, 0.8)))
    if kind == "heart":
        return heart()
    if kind == "leaf":
        return leaf(float(rng.uniform(0.3, 0.6)))
    return np.array([[-0.3, 1], [-0.8, -1], [0.8, -1], [0.3, 1.0]]) * [float(rng.uniform(0.5, 1)), 1]


def make(rng: np.random.Generator) -> Piece:
    """Draw one plain plate on a chain, a pair on ear wires, or a row of them."""
    metal = materials.metal(rng)
    outline = _outline(rng)
    bend, dish = float(rng.normal(0, 0.12)), float(rng.normal(0, 0.12))
    rim = rng.random() < 0.25
    relief_of = float(rng.choice([0.0, rng.uniform(0.004, 0.03)], p=[0.65, 0.35]))
    frequency, seed = float(rng.uniform(2, 14)), np.random.default_rng(int(rng.integers(1 << 31)))

    def relief(p: Array) -> Array:
        return relief_of * noise(np.c_[p, 0 * p[:, 0]], seed, frequency, 2) if relief_of else np.zeros(len(p))

    sheet = plate([outline], [], float(rng.uniform(0.03, 0.1)), 0.06, 0.35, relief)
    z = bend * sheet.points[:, 0] ** 2 + dish * sheet.points[:, 1] ** 2
    sheet = sheet.moved(offset=np.stack([0 * z, 0 * z, z], 1))
    work = [sheet]
    if rim:
        edge = np.c_[outline, bend * outline[:, 0] ** 2 + dish * outline[:, 1] ** 2 + 0.02]
        work.append(tube(edge, 0.045, circle(8), closed=True))
    centre = np.abs(sheet.points[:, 0]) < 0.1
    top = float(sheet.points[centre, 1].max())
    parts: list[Part] = []
    if rng.random() < 0.2:  # half enamelled
        face = plate([outline * 0.86 + [0, 0.02]], [], 0.03, 0.08).moved(offset=(0, 0, 0.06))
        face = face.moved(offset=np.stack([0 * face.points[:, 0], 0 * face.points[:, 0],
                          bend * face.points[:, 0] ** 2 + dish * face.points[:, 1] ** 2], 1))  # fmt: skip
        parts.append(Part(face, materials.opaque(rng, True), "stone"))
    parts.append(Part(merge(work), metal, "metal"))
    low = min(float(p.mesh.points[:, 2].min()) for p in parts)
    drop_ = [Part(p.mesh.moved(offset=(0, 0, -low)), p.material, p.slot) for p in parts]
    way = rng.random()
    if way < 0.55:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.2, 2.2)))
        size = float(rng.uniform(0.45, 1.0))
        drop_ = [Part(p.mesh.scaled(size), p.material, p.slot) for p in drop_]
        made = hung(rng, drop_, top * size + 0.02, metal, path, float(rng.uniform(0.015, 0.05)))
        return poses.lying(rng, Piece("plain_plate", tuple(made)).sized(float(rng.uniform(1.2, 1.8))), 0.04)
    if way < 0.8:
        wire = float(rng.uniform(0.015, 0.035))
        ear = merge([hook(rng, wire).moved(offset=(0, top + 0.16, 0.05)), torus(0.09, wire, 24, 8)
                     .moved(offset=(0, top + 0.04, 0.05))])  # fmt: skip
        one = Piece("plain_plate", (*drop_, Part(ear, metal, "metal")))
        gap = float(np.ptp(sheet.points[:, 0])) + float(rng.uniform(0.15, 0.9))
        pair = [poses.lying(rng, one, 0.15).rested() if rng.random() < 0.3 else one.rested() for _ in range(2)]
        both = poses.beside(pair, gap, 0.1)
        return poses.turned(rng, Piece("plain_plate", both).sized(1.4))
    count = int(rng.integers(3, 7))
    width = float(sheet.points[:, 0].max() - sheet.points[:, 0].min())
    row = []
    for k in range(count):
        x = (k - (count - 1) / 2) * (width + 0.3)
        row += [Part(p.mesh.moved(offset=(x, 0, 0)), p.material, p.slot) for p in drop_]
        if k:
            row.append(Part(torus(0.22, 0.045, 28, 8).moved(offset=(x - width / 2 - 0.15, 0, 0.06)), metal, "metal"))
    return poses.lying(rng, Piece("plain_plate", tuple(row)).sized(1.6), 0.05)
