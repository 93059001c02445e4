"""Enamelled metal: cells of colour between thin walls, as flowers, hearts, eyes, wings, tiles; pins and charms."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, circle, merge, torus, tube
from training.piece import Part, Piece
from training.pieces.drops import hook
from training.pieces.pendant import hung
from training.plates import drop, ellipse, heart, leaf, moon, plate, star, turned


def cells(rng: np.random.Generator) -> tuple[list[Array], list[tuple[Array, int]]]:
    """Return the outline loops of a motif and its cells with the index of their colour."""
    kind = rng.choice(["flower", "heart", "eye", "butterfly", "tiles", "leaf", "star", "moon", "mushroom"])
    wall = float(rng.uniform(0.03, 0.07))
    if kind == "flower":
        count, wide = int(rng.integers(4, 8)), float(rng.uniform(0.24, 0.34))
        a = np.arange(count) * 2 * np.pi / count
        petals = [turned(ellipse(wide, 0.38, (0, 0.6), 40), float(x)) for x in a]
        inside = [turned(ellipse(wide - wall, 0.38 - wall, (0, 0.6), 40), float(x)) for x in a]
        both = [(p, k % 2 if count % 2 == 0 and wall > 0.05 else 0) for k, p in enumerate(inside)]
        return [*petals, ellipse(0.3, 0.3)], [*both, (ellipse(0.3 - wall, 0.3 - wall), 2)]
    if kind == "heart":
        return [heart()], [(heart() * (0.97 - wall), 0)]
    if kind == "eye":
        c = circle(80)
        frame = np.stack([c[:, 0], np.sign(c[:, 1]) * (1 - np.abs(c[:, 0]) ** 1.7) * 0.6], 1)
        pupil = [(ellipse(0.34, 0.34), 1), (ellipse(0.16, 0.16), 2)]
        return [frame], [(frame * (0.96 - wall), 0), *pupil]
    if kind == "butterfly":
        wings, inside = [], []
        for side in (-1, 1):
            for angle, size in ((0.95, 1.0), (2.15, 0.75)):
                wing = turned(drop(0.9, 0.6, 50) * [1, -1] * 0.5 * size + [0, 0.5 * size], -side * angle)
                wings.append(wing)
                middle = wing.mean(0)
                inside.append((middle + (wing - middle) * (0.9 - wall), 0 if size == 1.0 else 1))
        return [*wings, ellipse(0.07, 0.5, sides=24)], inside
    if kind == "tiles":
        n = int(rng.integers(2, 5))
        step = 2.0 / n
        size = step / 2 - wall / 2
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
        at = [(-1 + step * (i + 0.5), -1 + step * (j + 0.5), (i + j) % 2) for i in range(n) for j in range(n)]
        return [square * 1.03], [(square * size + [x, y], k) for x, y, k in at]
    if kind == "leaf":
        half = leaf(0.5)
        left, right = half[half[:, 0] <= 1e-6], half[half[:, 0] >= -1e-6]
        out = []
        for k, side in enumerate((left, right)):
            middle = side.mean(0)
            out.append((middle + (side - middle) * (0.88 - wall), k))
        return [half], out
    if kind == "star":
        return [star(5, 0.5)], [(star(5, 0.5) * (0.92 - 1.6 * wall), 0)]
    if kind == "moon":
        frame = moon(0.7, 0.3)
        inner = np.stack([frame[:, 0] * 0.8 - 0.13, frame[:, 1] * 0.8], 1)
        return [frame], [(inner, 0)]
    a = np.linspace(0, np.pi, 40)
    cap = np.stack([np.cos(a), np.sin(a) * 0.8], 1)
    stem = ellipse(0.3, 0.55, (0, -0.4), 40)
    small = cap * (0.93 - wall) + [0, 0.035]
    return [cap, stem], [(small, 0), (ellipse(0.3 - wall, 0.42 - wall, (0, -0.5), 36), 1)]


def make(rng: np.random.Generator) -> Piece:
    """Draw one enamelled charm, pin or pair of earrings."""
    metal = materials.metal(rng)
    colors = [materials.enamel(rng) for _ in range(3)]
    solids, inside = cells(rng)
    thick = float(rng.uniform(0.08, 0.16))
    raised = float(rng.choice([-0.02, 0.0, 0.04]))
    body = plate(solids, [cell for cell, _ in inside], thick, 0.05)
    floor = plate(solids, [], thick * 0.4, 0.12).scaled(0.995, 0.995, 1).moved(offset=(0, 0, -0.3 * thick))
    parts = [Part(merge([body, floor]), metal, "metal")]
    for k in sorted({k for _, k in inside}):
        fill = [
            plate([cell], [], thick + raised + 0.012 * k, 0.07, 0.35).scaled(1.002, 1.002, 1)
            for cell, i in inside
            if i == k
        ]
        parts.append(Part(merge(fill), colors[k], "stone"))
    if rng.random() < 0.3:
        at = inside[-1][0].mean(0)
        stone = mounts.claw_set(rng, 0.1, metal, materials.clear(rng))
        parts += mounts.shifted(stone, (at[0], at[1], thick / 2 + 0.08))
    top = float(body.points[np.abs(body.points[:, 0]) < 0.15, 1].max(initial=0.0))
    parts = mounts.shifted(parts, (0, 0, thick / 2))
    parts.append(Part(torus(0.1, 0.03, 26, 8).moved(offset=(0, top + 0.07, thick / 2)), metal, "metal"))
    way = rng.random()
    if way < 0.4:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.6, 2.6)))
        made = hung(rng, parts, top + 0.17, metal, path, float(rng.uniform(0.02, 0.05)))
        return poses.lying(rng, Piece("enamel", tuple(made)).sized(1.5), 0.03)
    if way < 0.75:
        one = Piece("enamel", (*parts, Part(hook(rng, 0.03).moved(offset=(0, top + 0.2, 0.05)), metal, "metal")))
        gap = float(rng.uniform(2.1, 2.9))
        both = poses.beside([one] * 2, gap, 0.1)
        return poses.lying(rng, Piece("enamel", both).sized(1.4), 0.03)
    pin = tube(np.array([[-0.7, 0, -0.1], [0, 0, -0.14], [0.7, 0, -0.1]]), 0.03, circle(8))
    parts.append(Part(pin, metal, "metal"))
    return poses.lying(rng, Piece("enamel", tuple(parts)), 0.3)
