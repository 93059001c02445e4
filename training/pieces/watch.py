"""Wrist watches: a case with dial, hands and crown, on a bracelet of links, a woven band or a strap."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Array, Mesh, box, circle, curled, lathe, merge, rotation, squared, tube
from training.piece import Part, Piece


def _case(rng: np.random.Generator, square: float) -> Mesh:
    """Return a case of radius about 1 with a raised, sometimes ridged rim; `square` 2 is round, more is squarer."""
    wall, tall = float(rng.uniform(0.08, 0.2)), float(rng.uniform(0.12, 0.25))
    profile = np.array([[0, -tall], [0.85, -tall], [1, -0.5 * tall], [1, 0.6 * tall], [1 - 0.5 * wall, tall],
                        [1 - wall, tall], [1 - wall, 0.4 * tall], [0, 0.4 * tall]])  # fmt: skip
    case = lathe(profile, 96, smooth=False)
    angle = np.arctan2(case.points[:, 1], case.points[:, 0])
    grow = squared(np.cos(angle), np.sin(angle), square)
    if rng.random() < 0.3:
        grow = grow * (1 + 0.015 * np.sign(np.sin(48 * angle)) * (np.hypot(*case.points[:, :2].T) > 0.97))
    return Mesh(case.points * np.c_[grow, grow, np.ones_like(grow)], case.faces, case.smooth)


def _dial(rng: np.random.Generator, level: float, radius: float) -> list[Mesh]:
    """Return the markers and the hands that lie on a dial of `radius` at height `level`."""
    work = []
    for hour in range(12):
        a = hour * np.pi / 6
        long = float(0.14 if hour % 3 == 0 else 0.08) * radius
        mark = box(0.025 * radius, long / 2, 0.01, 0.2).moved(offset=(0, radius * 0.85 - long / 2, level))
        work.append(mark.moved(rotation((0, 0, 1), -a)))
    for long, wide in ((0.5, 0.035), (0.78, 0.022), (0.82, 0.008)):
        hand = box(wide * radius, long * radius / 2, 0.008, 0.2).moved(offset=(0, 0.42 * long * radius, level + 0.03))
        work.append(hand.moved(rotation((0, 0, 1), float(rng.uniform(0, 2 * np.pi)))))
    return work


def _links(rng: np.random.Generator, wide: float) -> list[tuple[Array, Mesh]]:
    """Return the links of one half band, along +y, as meshes about the origin with their places."""
    work = []
    step = float(rng.uniform(0.16, 0.4))
    columns = int(rng.choice([1, 3, 5]))
    for row in np.arange(1.0, 3.4, step):
        taper = 1 - 0.12 * (row - 1)
        for column in range(columns):
            x = (column - (columns - 1) / 2) * 2 * wide / columns * taper
            odd = 0.5 * step if column % 2 else 0.0
            cell = box(0.96 * wide / columns * taper, 0.47 * step, 0.07, 0.35)
            work.append((np.array([x, row + odd, 0.0]), cell))
    return work


def make(rng: np.random.Generator) -> Piece:
    """Draw one watch, lying flat or closed on its side."""
    metal = materials.metal(rng)
    case = _case(rng, float(rng.choice([2.0, 3.0, 6.0], p=[0.7, 0.1, 0.2])))
    top = float(case.points[:, 2].max())
    level = 0.4 * top
    face = lathe(np.array([[0, level + 0.012], [0.84, level + 0.01], [0.84, level]]), 64)
    dial = materials.opaque(rng) if rng.random() < 0.7 else materials.metal(rng)
    marks = materials.metal(rng) if rng.random() < 0.7 else materials.opaque(rng)
    crown = tube(np.array([[0.98, 0, 0], [1.16, 0, 0]]), 0.09, circle(18))
    parts = [
        Part(case, metal, "metal"),
        Part(face, dial, "metal" if dial.kind == "metal" else "other"),
        Part(merge(_dial(rng, level + 0.02, 0.84)), marks, "metal" if marks.kind == "metal" else "other"),
        Part(crown, metal, "metal"),
    ]
    kind = str(rng.choice(["links", "strap"], p=[0.7, 0.3]))
    wide = float(rng.uniform(0.4, 0.75))
    curl = float(rng.choice([50.0, rng.uniform(1.05, 1.5)]))
    halves: list[Mesh] = []
    cells = _links(rng, wide) if kind == "links" else []
    for side in (1, -1):
        turn = rotation((0, 0, 1), 0.0 if side > 0 else np.pi)
        if kind == "strap":
            rows = np.linspace(0.9, 3.3, 40)
            line = np.stack([0 * rows, rows, 0 * rows], 1)
            half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [0.06, wide]
            halves.append(curled(tube(line, 1 - 0.08 * (rows - 0.9), half), curl, 1).moved(turn))
        else:
            halves += [curled(cell.moved(offset=at).faceted(), curl, 1).moved(turn) for at, cell in cells]
    if kind == "strap":
        parts.append(Part(merge(halves), materials.cord(rng), "other"))
    elif rng.random() < 0.3:
        parts.append(Part(merge(halves[::2]), metal, "metal"))
        parts.append(Part(merge(halves[1::2]), materials.metal(rng), "metal"))
    else:
        parts.append(Part(merge(halves), metal, "metal"))
    if rng.random() < 0.2:
        count = int(rng.integers(20, 40))
        a = np.arange(count) * 2 * np.pi / count
        spots = np.stack([0.93 * np.cos(a), 0.93 * np.sin(a), 0 * a + top], 1)
        parts += mounts.pave(spots, np.tile([0.0, 0, 1], (count, 1)), 0.055, metal, materials.clear(rng))
    piece = Piece("watch", tuple(parts))
    if curl < 10 and rng.random() < 0.5:
        piece = piece.moved(rotation((0, 1, 0), float(rng.uniform(1.2, 1.57))))
    return poses.lying(rng, piece.sized(float(rng.uniform(1.2, 1.9))), 0.1)
