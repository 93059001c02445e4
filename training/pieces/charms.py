"""Flat charms cut from sheet: star, heart, moon, leaf, key, cross, hand, flower, feather, paw; alone or on a chain."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, circle, merge, noise, torus, tube
from training.piece import Material, Part, Piece
from training.pieces.pendant import hung
from training.plates import block, capsule, drop, ellipse, heart, leaf, moon, plate, star, turned

SHAPES = ("star", "heart", "moon", "leaf", "key", "cross", "hand", "flower", "feather", "paw", "drop", "bolt", "fish")


def figure(rng: np.random.Generator, kind: str) -> tuple[list[Array], list[Array]]:
    """Return the loops of a figure within about [-1, 1] and of its holes."""
    if kind == "star":
        outline = star(int(rng.choice([4, 5, 6, 8])), float(rng.uniform(0.3, 0.6)))
        return [outline], [outline * 0.55] if rng.random() < 0.4 else []
    if kind == "heart":
        outline = heart()
        return [outline], [outline * float(rng.uniform(0.5, 0.75))] if rng.random() < 0.4 else []
    if kind == "moon":
        return [
            turned(moon(float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.25, 0.5))), float(rng.normal(0, 0.4)))
        ], []
    if kind == "leaf":
        outline = leaf(float(rng.uniform(0.3, 0.55)), float(rng.uniform(0.8, 1.3)))
        holes = []
        if rng.random() < 0.6:
            for y in np.linspace(-0.55, 0.5, int(rng.integers(3, 6))):
                for side in (-1, 1):
                    holes.append(turned(ellipse(0.14, 0.045, sides=18), side * 0.7, (side * 0.16, float(y))))
        return [outline], holes
    if kind == "key":
        bow = ellipse(0.38, 0.38, (0, 0.6))
        teeth = [block(0.12, 0.06, (0.18, y)) for y in rng.uniform(-0.95, -0.5, int(rng.integers(2, 4)))]
        hole = [ellipse(0.22, 0.22, (0, 0.6))] if rng.random() < 0.5 else [heart(40) * 0.22 + np.array([0, 0.6])]
        return [bow, block(0.075, 0.62, (0, -0.38)), block(0.14, 0.05, (0, 0.18)), *teeth], hole
    if kind == "cross":
        wide = float(rng.uniform(0.12, 0.24))
        solids = [block(wide, 1.0), block(0.65, wide, (0, 0.3))]
        if rng.random() < 0.5:
            tips = [(0, 1.0), (0, -1.0), (0.65, 0.3), (-0.65, 0.3)]
            solids += [ellipse(wide * 1.4, wide * 1.4, tip, 30) for tip in tips]
        return solids, []
    if kind == "hand":
        fingers = [turned(capsule(0.13, 0.75), 0, (x, 0.1)) for x in (-0.27, 0.0, 0.27)]
        fingers[1] = turned(capsule(0.14, 0.88), 0, (0, 0.1))
        thumbs = [turned(ellipse(0.16, 0.48, sides=30), -s * 0.5, (s * 0.6, -0.05)) for s in (-1, 1)]
        palm = [ellipse(0.5, 0.62, (0, -0.35)), block(0.4, 0.3, (0, 0.0))]
        holes = [turned(leaf(0.45, 1.0, 20) * 0.3, np.pi / 2, (0, -0.3))] if rng.random() < 0.7 else []
        ring = np.arange(int(rng.integers(8, 13)))
        if rng.random() < 0.7:
            holes += [
                ellipse(0.035, 0.035, (0.4 * np.cos(a), -0.33 + 0.36 * np.sin(a)), 12)
                for a in ring * 2 * np.pi / len(ring)
            ]
        holes += [ellipse(0.045, 0.1, (x, 0.62), 14) for x in (-0.27, 0.0, 0.27)]
        return [*fingers, *thumbs, *palm], holes
    if kind == "flower":
        petals, wide = int(rng.integers(4, 9)), float(rng.uniform(0.2, 0.34))
        turns = np.arange(petals) * 2 * np.pi / petals
        solids = [turned(ellipse(wide, 0.42, (0, 0.58), 36), float(a)) for a in turns] + [ellipse(0.28, 0.28)]
        holes = (
            [turned(ellipse(wide * 0.5, 0.22, (0, 0.64), 20), float(a)) for a in turns] if rng.random() < 0.5 else []
        )
        return solids, holes
    if kind == "feather":
        outline = leaf(0.3, 0.75)
        cuts = []
        for y in rng.uniform(-0.7, 0.6, int(rng.integers(4, 9))):
            side = float(rng.choice([-1, 1]))
            wedge = np.array([[0.03, 0.0], [0.5, 0.16], [0.5, 0.28]]) * [side, 1] + [0, y]
            cuts.append(wedge)
        return [outline, block(0.03, 0.3, (0, -1.1))], cuts
    if kind == "paw":
        toes = [turned(ellipse(0.17, 0.25, (0, 0.78), 30), float(a)) for a in (-0.75, -0.25, 0.25, 0.75)]
        return [*toes, ellipse(0.46, 0.4, (0, -0.05)), block(0.05, 0.5, (0, 0.2)), block(0.42, 0.06, (0, 0.4))], []
    if kind == "drop":
        outline = drop(float(rng.uniform(0.8, 1.6)), float(rng.uniform(0.5, 0.8)))
        inner = [outline * 0.7 - np.array([0, 0.12])] if rng.random() < 0.6 else []
        return [outline], inner
    if kind == "bolt":
        return [
            np.array([[0.1, 1], [-0.45, -0.1], [-0.05, -0.1], [-0.2, -1], [0.45, 0.25], [0.05, 0.25], [0.4, 1]])
        ], []
    tail = np.array([[-0.55, 0.0], [-1.0, -0.42], [-0.88, 0.0], [-1.0, 0.42]])
    return [ellipse(0.66, 0.36), tail], [ellipse(0.06, 0.06, (0.42, 0.08), 14)]


def cut(rng: np.random.Generator, metal: Material, radius: float, kind: str | None = None) -> list[Part]:
    """Return one charm in the x-y plane, its back on z = 0 and its jump ring at (0, radius)."""
    solids, holes = figure(rng, kind or str(rng.choice(SHAPES)))
    thick, waves = float(rng.uniform(0.05, 0.16)), float(rng.uniform(5, 16))
    way = rng.random()
    seed = np.random.default_rng(int(rng.integers(1 << 31)))

    def relief(p: Array) -> Array:
        if way < 0.35:
            return np.zeros(len(p))
        if way < 0.6:
            return 0.03 * noise(np.c_[p, 0 * p[:, 0]], seed, waves, 1)
        if way < 0.75:
            return 0.025 * np.sin(5 * waves * p[:, 1] + 8 * np.abs(p[:, 0]))
        return 0.25 * (0.6 - (p**2).sum(1)).clip(-0.3, 1)

    sheet = plate(solids, holes, thick, 0.05 if way >= 0.35 else 0.07, 0.3, relief).scaled(radius * 0.9)
    top = float(sheet.points[np.abs(sheet.points[:, 0]) < 0.12 * radius, 1].max(initial=-radius))
    if top < 0.1 * radius:  # nothing in the middle, as in a crescent: hang it by its highest point
        high = sheet.points[sheet.points[:, 1].argmax()]
        sheet = sheet.moved(offset=(-high[0], 0, 0))
        top = float(high[1])
    lift = -float(sheet.points[:, 2].min())
    sheet = sheet.moved(offset=(0, radius * 0.97 - top, lift))
    ring = torus(0.13 * radius, 0.032 * radius, 26, 8).moved(offset=(0, radius * 1.04, lift))
    parts = [Part(merge([sheet, ring]), metal, "metal")]
    if rng.random() < 0.2:
        stone = mounts.cabochon_set(rng, 0.13 * radius, metal, materials.stone(rng))
        parts += mounts.shifted(stone, (0, radius * 0.97 - top, 2 * lift + 0.03 * radius))
    return parts


def make(rng: np.random.Generator) -> Piece:
    """Draw one to five charms: loose, as earrings, on a chain or on a cord."""
    metal = materials.metal(rng)
    way = rng.random()
    if way < 0.55:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.2, 2.0)))
        radius, width = float(rng.uniform(0.25, 0.7)), float(rng.uniform(0.015, 0.05))
        drop_ = cut(rng, metal, radius)
        if rng.random() < 0.25:  # a cord instead of the chain
            low = path[np.argmin(path[:, 1])]
            parts = mounts.shifted(drop_, low - [0, radius * 1.1, 0])
            parts.append(Part(tube(path + np.array([0, 0, 0.06]), width, circle(8)), materials.cord(rng), "other"))
        else:
            parts = hung(rng, drop_, radius * 1.12, metal, path, width)
        return poses.lying(rng, Piece("charms", tuple(parts)), 0.03)
    kind = str(rng.choice(SHAPES))
    same = rng.random() < 0.6
    parts = []
    count = int(rng.integers(1, 3) if same else rng.integers(2, 6))
    for k in range(count):
        one = Piece("charms", tuple(cut(rng, metal, float(rng.uniform(0.6, 0.9)), kind if same else None)))
        one = one if same else poses.turned(rng, one)
        at = np.array([(k - (count - 1) / 2) * 1.5, rng.normal(0, 0.2), 0])
        parts += one.moved(offset=at).parts
    return poses.lying(rng, Piece("charms", tuple(parts)).sized(float(rng.uniform(1.0, 1.5))), 0.03)
