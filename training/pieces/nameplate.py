"""Name necklaces and initials: script bent from one wire, block letters of bars, on a chain or loose."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, Mesh, box, merge, rounded, sphere, spline, torus, tube
from training.piece import Part, Piece

STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "A": (((0, 0), (0.4, 1), (0.8, 0)), ((0.16, 0.4), (0.64, 0.4))),
    "E": (((0.6, 0), (0, 0), (0, 1), (0.6, 1)), ((0, 0.5), (0.5, 0.5))),
    "F": (((0, 0), (0, 1), (0.6, 1)), ((0, 0.5), (0.5, 0.5))),
    "H": (((0, 0), (0, 1)), ((0.7, 0), (0.7, 1)), ((0, 0.5), (0.7, 0.5))),
    "K": (((0, 0), (0, 1)), ((0.65, 1), (0, 0.45), (0.65, 0))),
    "L": (((0, 1), (0, 0), (0.6, 0)),),
    "M": (((0, 0), (0, 1), (0.45, 0.35), (0.9, 1), (0.9, 0)),),
    "N": (((0, 0), (0, 1), (0.7, 0), (0.7, 1)),),
    "T": (((0, 1), (0.8, 1)), ((0.4, 1), (0.4, 0))),
    "V": (((0, 1), (0.4, 0), (0.8, 1)),),
    "X": (((0, 0), (0.7, 1)), ((0, 1), (0.7, 0))),
    "Z": (((0, 1), (0.7, 1), (0, 0), (0.7, 0)),),
}


def script(rng: np.random.Generator, letters: int) -> Array:
    """Return one line [N, 3] as of handwriting: loops, arches and humps, x-height 1, a letter every 1 or so."""
    knots = [(-0.6, 0.1)]
    x = 0.0
    for k in range(letters):
        kind = str(rng.choice(["e", "l", "u", "m", "o", "g"]))
        tall = float(rng.uniform(1.7, 2.4)) if kind == "l" or k == 0 else float(rng.uniform(0.8, 1.1))
        if kind in "el":
            knots += [(x, 0.1), (x + 0.6, tall * 0.6), (x + 0.35, tall), (x + 0.1, tall * 0.6), (x + 0.35, 0.0)]
            x += 0.75
        elif kind == "u":
            knots += [(x, 0.9), (x + 0.15, 0.05), (x + 0.55, 0.3), (x + 0.65, 0.9), (x + 0.75, 0.05)]
            x += 0.95
        elif kind == "m":
            for _ in range(int(rng.integers(2, 4))):
                knots += [(x, 0.05), (x + 0.25, 0.95), (x + 0.45, 0.05)]
                x += 0.5
        elif kind == "o":
            knots += [(x + 0.5, 0.95), (x + 0.05, 0.5), (x + 0.45, 0.02), (x + 0.8, 0.5), (x + 0.45, 0.97)]
            x += 1.0
        else:
            knots += [
                (x + 0.5, 0.9),
                (x + 0.05, 0.5),
                (x + 0.5, 0.1),
                (x + 0.6, -0.8),
                (x + 0.25, -1.0),
                (x + 0.6, 0.1),
            ]
            x += 0.8
    knots.append((x + 0.5, 0.15))
    flat = np.array(knots) + rng.normal(0, 0.03, (len(knots), 2))
    slant = float(rng.uniform(0.0, 0.45))
    high = 0.04 * (-1.0) ** np.arange(len(flat))  # the line passes over itself where it crosses
    return spline(np.stack([flat[:, 0] + slant * flat[:, 1], flat[:, 1], high], 1), 60 * letters + 60)


def block_letters(rng: np.random.Generator, count: int, wide: float) -> Mesh:
    """Return `count` capitals of bars of half width `wide`, 1 high."""
    work: list[Mesh] = []
    x = 0.0
    for name in rng.choice(list(STROKES), count):
        strokes = [np.array(stroke) for stroke in STROKES[str(name)]]
        for stroke in strokes:
            for a, b in pairwise(stroke):
                way, length = np.arctan2(*(b - a)[::-1]), float(np.linalg.norm(b - a))
                c, s = np.cos(way), np.sin(way)
                bar = box(length / 2 + 0.7 * wide, wide, wide * 0.8, 0.2).moved(
                    np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
                )
                middle = (a + b) / 2
                work.append(bar.moved(offset=(x + middle[0], middle[1], 0)))
        x += max(float(stroke[:, 0].max()) for stroke in strokes) + 0.22
    return merge(work)


def make(rng: np.random.Generator) -> Piece:
    """Draw a name on a chain, or one or two loose initials."""
    metal = materials.metal(rng)
    if rng.random() < 0.6:
        wide = float(np.exp(rng.uniform(np.log(0.04), np.log(0.13))))
        section = rounded(12, float(rng.uniform(2, 6)), float(rng.uniform(0.4, 1.0)), 1.0)
        word = tube(script(rng, int(rng.integers(3, 9))), wide, section)
    else:
        word = block_letters(rng, int(rng.integers(1, 7)), float(rng.uniform(0.05, 0.12)))
        if rng.random() < 0.4:
            left, right = word.points[:, 0].min(), word.points[:, 0].max()
            bar = box((right - left) / 2, 0.05, 0.05).moved(offset=((left + right) / 2, -0.03, 0))
            word = merge([word, bar])
    word = word.moved(offset=(-(word.points[:, 0].min() + word.points[:, 0].max()) / 2, 0, 0))
    half = float(np.abs(word.points[:, 0]).max())
    word = word.scaled(float(rng.uniform(0.5, 1.1)) / max(half, 0.8))
    parts = [Part(word, metal, "metal")]
    left, right = word.points[word.points[:, 0].argmin()], word.points[word.points[:, 0].argmax()]
    if rng.random() < 0.75:
        width = float(np.exp(rng.uniform(np.log(0.012), np.log(0.04))))
        work = []
        for end, side in ((left, -1), (right, 1)):
            eye = torus(1.6 * width, 0.4 * width, 24, 8).moved(offset=end + np.array([side * 1.4 * width, 0, 0]))
            away = np.cumsum(np.abs(rng.normal(0.35, 0.15, (4, 2))), 0) * [side, 1]
            knots = np.concatenate([[[0, 0]], away]) + end[:2] + [side * 2.6 * width, 0]
            path = spline(np.c_[knots, np.full(5, width)], 200)
            work += [eye, links.chain(rng, path, width)]
        parts.append(Part(merge(work), metal if rng.random() < 0.8 else materials.metal(rng), "metal"))
    if rng.random() < 0.25:
        at = word.points[int(rng.integers(len(word.points)))]
        stone = mounts.bezel(0.06, metal, sphere(0.055, 16), materials.stone(rng))
        parts += mounts.shifted(stone, (at[0], at[1], float(word.points[:, 2].max())))
    return poses.lying(rng, Piece("nameplate", tuple(parts)).sized(float(rng.uniform(1.1, 1.7))), 0.05)
