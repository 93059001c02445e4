"""Chains along a curve: cable, curb, figaro, rope, box, snake and ball, with their clasps."""

from __future__ import annotations

import numpy as np

from training.geometry import (
    Array,
    Mesh,
    box,
    circle,
    frames,
    instances,
    merge,
    resample,
    ring_path,
    rounded,
    sphere,
    spline,
    tube,
)

KINDS = ("cable", "curb", "figaro", "rope", "box", "snake", "ball", "long")
MORE = ("foxtail", "wheat", "paperclip", "belcher", "herringbone", "singapore", "bar")  # by name only
FINE = 500  # links from which on each one is drawn with fewer points


def link(length: float, width: float, thick: float, twist: float = 0.0, steps: int = 22, sides: int = 8) -> Mesh:
    """Return one closed link: half sizes along x and y; `twist` lifts its ends apart for curb chains."""
    t = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    path = np.stack([np.sign(c) * np.abs(c) ** 0.75 * length, np.sign(s) * np.abs(s) ** 0.75 * width, 0 * t], 1)
    path[:, 2] = twist * np.sin(2 * t) * width
    return tube(path, thick, circle(sides), closed=True)


def _along(path: Array, step: float, rolls: Array, reach: Array | None = None) -> tuple[Array, Array]:
    """Axes [N, 3, 3] (x along the path, rolled) and centres [N, 3] of the links."""
    knots = resample(path, step)
    tangent, normal, binormal = frames(knots)
    centre = (knots[1:] + knots[:-1]) / 2
    count = len(centre)
    roll = np.resize(rolls, count)
    n, b = normal[:-1], binormal[:-1]
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    axes = np.stack([tangent[:-1], cos * b + sin * n, cos * n - sin * b], -1)
    return axes, centre


def chain(rng: np.random.Generator, path: Array, width: float, kind: str | None = None) -> Mesh:
    """Return a chain of outer half width `width` along `path` [N, 3]."""
    kind = kind or str(rng.choice(KINDS, p=[0.34, 0.16, 0.08, 0.12, 0.08, 0.08, 0.06, 0.08]))
    if kind == "rope":
        knots = resample(path, width * 0.35)
        _, normal, binormal = frames(knots)
        strands = []
        turns = np.arange(len(knots)) * 0.35 / float(rng.uniform(2.2, 3.4)) * 2 * np.pi / 2
        for phase in np.arange(3) * 2 * np.pi / 3:
            out = np.cos(turns + phase)[:, None] * normal + np.sin(turns + phase)[:, None] * binormal
            strands.append(tube(knots + 0.55 * width * out, 0.5 * width, circle(8)))
        return merge(strands)
    if kind == "snake":
        knots = resample(path, width * 0.3)
        beat = 0.85 + 0.15 * np.cos(np.arange(len(knots)) * np.pi / 2)
        return tube(knots, width * beat, rounded(12, 3.0))
    if kind == "ball":
        knots = resample(path, width * 2.3)
        balls = instances(sphere(width, 12), np.tile(np.eye(3), (len(knots), 1, 1)), knots)
        return merge([balls, tube(resample(path, width), width * 0.25, circle(6))])
    if kind == "herringbone":  # a flat ribbon that throws the light in chevrons
        knots = resample(path, width * 0.25)
        ribbon = tube(knots, 1.0, rounded(18, 6.0, width * 0.22, width))
        row = np.arange(len(ribbon.points)) // 18
        return ribbon.displaced(0.03 * width * np.sign(np.sin(row * 1.6)))
    if kind == "wheat":
        knots = resample(path, width * 0.2)
        _, normal, binormal = frames(knots)
        at = np.arange(len(knots)) * 0.2
        strands = []
        for phase in np.arange(4) * np.pi / 2:
            out = np.sin(2.4 * at + phase)[:, None] * normal + 0.7 * np.sin(4.8 * at + 2 * phase)[:, None] * binormal
            strands.append(tube(knots + 0.6 * width * out, 0.34 * width, circle(6)))
        return merge(strands)
    wire = float(rng.uniform(0.2, 0.34)) * width
    total = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    fine = {"steps": 12, "sides": 5} if total / width > FINE else {}
    if kind == "bar":  # rods joined by small links
        length = width * float(rng.uniform(3, 9))
        knots = resample(path, 2.3 * length)
        at = (knots[1:] + knots[:-1]) / 2
        way = (knots[1:] - knots[:-1]) / np.linalg.norm(knots[1:] - knots[:-1], axis=1, keepdims=True)
        rods = [
            tube(np.linspace(p - length * w, p + length * w, 4), 0.55 * width, circle(8))
            for p, w in zip(at, way, strict=True)
        ]
        rings = [
            link(0.3 * length, 0.9 * width, wire, steps=16, sides=6).moved(
                np.stack([w, np.cross([0, 0, 1.0], w), [0, 0, 1.0]], 1), k
            )
            for w, k in zip(way, knots[1:], strict=True)
        ]
        return merge([*rods, *rings])
    if kind == "paperclip":
        length = width * float(rng.uniform(2.2, 3.6))
        axes, centre = _along(path, 2 * (length - 1.15 * wire), np.array([0.15, 0.15 + np.pi / 2]))
        t = np.linspace(0, 2 * np.pi, 22, endpoint=False)
        c, s = np.cos(t), np.sin(t)
        loop = np.stack([np.sign(c) * np.abs(c) ** 0.35 * length, np.sign(s) * np.abs(s) ** 0.8 * width, 0 * t], 1)
        return instances(tube(loop, wire, circle(7), closed=True), axes, centre)
    if kind == "belcher":  # round links of broad half-round wire
        axes, centre = _along(path, 1.35 * width, np.array([0.2, 0.2 + np.pi / 2]))
        t = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        loop = np.stack([np.cos(t), np.sin(t), 0 * t], 1) * width
        return instances(tube(loop, 1.0, rounded(8, 3.0, 1.7 * wire, wire), closed=True), axes, centre)
    if kind == "foxtail":  # two rows of links slanting into each other
        both = []
        for slant in (-0.75, 0.75):
            axes, centre = _along(path, 0.75 * width, np.array([0.0]))
            c, s = np.cos(slant), np.sin(slant)
            both.append(
                instances(
                    link(0.8 * width, 0.45 * width, wire * 0.9, steps=14, sides=6),
                    axes @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]),
                    centre + axes[:, :, 1] * 0.35 * width * np.sign(slant),
                )
            )
        return merge(both)
    if kind == "singapore":  # curb links twisted along the chain
        axes, centre = _along(path, 1.0 * width, np.arange(4000) * 0.22)
        return instances(link(1.05 * width, 0.85 * width, wire * 1.2, 0.3, **fine), axes, centre)
    if kind == "box":
        length = width * 1.05
        axes, centre = _along(path, 1.5 * length, np.array([0, np.pi / 2]))
        t = np.linspace(0, 2 * np.pi, 17)[:-1]
        c, s = np.cos(t), np.sin(t)
        loop = np.stack([np.sign(c) * np.abs(c) ** 0.3, np.sign(s) * np.abs(s) ** 0.3, 0 * t], 1) * length
        unit = tube(loop, wire * 1.4, rounded(8, 4.0), closed=True)
        return instances(unit, axes, centre)
    if kind == "curb":
        length = width * float(rng.uniform(1.1, 1.5))
        axes, centre = _along(path, 1.15 * length, np.array([0.35]))
        return instances(link(length, width, wire * 1.25, 0.35, **fine), axes, centre)
    if kind == "figaro":
        length = width * 1.15
        axes, centre = _along(path, 1.25 * length, np.array([0.3]))
        keep = np.arange(len(centre)) % 5
        short = keep < 3
        parts = [instances(link(length, width, wire * 1.2, 0.3), axes[short], centre[short])]
        long = keep == 3
        if long.any():
            mid = centre[long] + axes[long][:, :, 0] * length * 0.6
            parts.append(instances(link(length * 1.75, width, wire * 1.2, 0.3), axes[long], mid))
        return merge(parts)
    length = width * float(rng.uniform(1.1, 1.6) if kind == "cable" else rng.uniform(2.2, 4.0))
    axes, centre = _along(path, 2 * (length - 1.1 * wire), np.array([0.2, 0.2 + np.pi / 2]) + rng.uniform(-0.3, 0.3))
    return instances(link(length, width, wire, **fine), axes, centre)


def drape(rng: np.random.Generator, shape: str | None = None, size: float = 1.5) -> Array:
    """Return a curve [N, 3] on the table as a chain falls: hung in a V or U, a loop, a meander, a line."""
    shape = shape or str(rng.choice(["u", "v", "loop", "meander", "line"], p=[0.3, 0.25, 0.15, 0.2, 0.1]))
    wobble = float(rng.uniform(0.0, 0.1)) * size
    if shape in "uv":
        width, power = rng.uniform(0.35, 0.9) * size, (rng.uniform(2, 3.2) if shape == "u" else rng.uniform(1.1, 1.5))
        x = np.linspace(-1, 1, 9)
        left, right = rng.uniform(0.7, 1.3, 2)
        knots = np.stack([x * width, np.abs(x) ** power * size * np.where(x < 0, left, right), 0 * x], 1)
        knots[1:4] += rng.normal(0, wobble, (3, 3)) * [1, 1, 0]
        knots[5:8] += rng.normal(0, wobble, (3, 3)) * [1, 1, 0]
    elif shape == "loop":
        t = np.linspace(0, 2 * np.pi * rng.uniform(0.85, 1.6), 14)
        radius = size * (0.8 + 0.15 * rng.normal(size=3) @ np.stack([np.sin(2 * t), np.cos(3 * t), t / 12]))
        knots = np.stack([np.sin(t) * radius, -np.cos(t) * radius * rng.uniform(0.6, 1), 0 * t], 1)
    elif shape == "meander":
        x = np.linspace(-1, 1, 8) * size * 1.3
        knots = np.stack([x, rng.uniform(-0.5, 0.5, 8) * size, 0 * x], 1)
    else:
        x = np.linspace(-1.4, 1.4, 6) * size
        knots = np.stack([x, rng.normal(0, 0.08, 6) * size, 0 * x], 1)
    return spline(knots, 900)


def heaped(rng: np.random.Generator, shape: str | None = None, size: float = 1.3, lift: float = 0.05) -> Array:
    """Return a curve [N, 3] of a chain put down: gathered, coiled, hanging from above the frame, or across it.

    Where it crosses itself the later turn lies higher by about `lift`.
    """
    shape = shape or str(rng.choice(["gathered", "coil", "hanging", "across", "eight", "layers"]))
    if shape == "gathered":
        count = int(rng.integers(14, 40))
        knots = np.cumsum(rng.normal(0, 1, (count, 3)), 0)
        knots -= np.linspace(knots[0], knots[-1], count)
        knots = knots / np.abs(knots[:, :2]).max() * size * 0.8
    elif shape == "coil":
        turns = float(rng.uniform(2, 5.5))
        t = np.linspace(0, 1, int(turns * 10))
        far = size * (0.95 - float(rng.uniform(0.1, 0.6)) * t + 0.05 * rng.normal(size=len(t)))
        a = 2 * np.pi * turns * t
        knots = np.stack([far * np.cos(a), far * np.sin(a), 0 * a], 1)
    elif shape == "hanging":
        x = np.linspace(-1, 1, 9)
        wide = float(rng.uniform(0.15, 0.6)) * size
        y = np.cosh(float(rng.uniform(1.5, 3.5)) * x)
        y = (y - y.min()) / np.ptp(y) * 3.2 * size - size
        knots = np.stack([x * wide + rng.normal(0, 0.02, 9), y, 0 * x], 1)
    elif shape == "across":
        x = np.linspace(-2.6, 2.6, 9) * size
        knots = np.stack([x, np.cumsum(rng.normal(0, 0.35, 9)) * size * 0.6, 0 * x], 1)
    elif shape == "eight":
        t = np.linspace(0, 2 * np.pi * 0.97, 24)
        knots = np.stack([np.sin(t) * size, np.sin(2 * t) * size * float(rng.uniform(0.3, 0.7)), 0 * t], 1)
    else:
        rows, knots_ = int(rng.integers(3, 8)), []
        for k in range(rows):
            x = np.linspace(-1, 1, 7) * size * (1 if k % 2 else -1)
            y = (k / rows - 0.5) * size * 1.2 + rng.normal(0, 0.04, 7) * size
            knots_.append(np.stack([x, y, 0 * x], 1))
        knots = np.concatenate(knots_)
    curve = spline(knots, 1400)
    if shape in ("gathered", "coil", "eight", "layers"):
        curve[:, 2] = _stacked(curve[:, :2], lift)
    return curve


def _stacked(flat: Array, lift: float) -> Array:
    """Return heights [N] at which a line laid down along `flat` [N, 2] rests on its earlier turns."""
    cell, height = np.floor(flat / (0.9 * lift)).astype(int), np.zeros(len(flat))
    last: dict[tuple[int, int], tuple[int, float]] = {}
    far = max(int(4 * lift / max(float(np.linalg.norm(np.diff(flat, axis=0), axis=1).mean()), 1e-6)), 2)
    for i, (x, y) in enumerate(cell.tolist()):
        below = [last[x + a, y + b] for a in (-1, 0, 1) for b in (-1, 0, 1) if (x + a, y + b) in last]
        height[i] = max((z + lift for j, z in below if i - j > far), default=0.0)
        last[x, y] = (i, height[i])
    width = 2 * far + 1
    raised = np.array([height[max(i - far // 2, 0) : i + far // 2 + 1].max() for i in range(len(height))])
    return np.convolve(np.pad(raised, far, "edge"), np.ones(width) / width, "valid")


def lobster(size: float) -> Mesh:
    """Return a lobster clasp of length about 3 `size` along x, its eye at -x."""
    t = np.linspace(-0.15, 1.05, 40) * 2 * np.pi
    body = np.stack([0.9 * np.cos(t) * (1 + 0.15 * np.cos(t)), 0.55 * np.sin(t), 0 * t], 1)[3:-6]
    thick = np.interp(np.linspace(0, 1, len(body)), [0, 0.4, 0.8, 1], [0.17, 0.2, 0.27, 0.22])
    lever = np.array([[0.75, -0.42, 0.12], [0.2, -0.62, 0.2], [-0.35, -0.66, 0.2]])
    eye = tube(ring_path(0.24, 20) + np.array([-1.25, 0, 0]), 0.09, circle(8), closed=True)
    neck = sphere(0.22, 14).moved(offset=(-0.95, 0, 0))
    return merge([tube(body, thick, circle(10)), tube(lever, 0.09, circle(8)), eye, neck]).scaled(size)


def toggle(size: float) -> Mesh:
    """Return the ring of a toggle clasp about the origin and its bar, half through it."""
    ring = tube(ring_path(1.0, 40), 0.16, circle(10), closed=True)
    eye = tube(ring_path(0.22, 20) + np.array([-1.3, 0, 0]), 0.08, circle(8), closed=True)
    bar = tube(np.array([[1.7, -1.2, 0.25], [1.7, 0, 0.25], [1.7, 1.2, 0.25]]), 0.14, circle(10))
    ends = [sphere(0.2, 14).moved(offset=(1.7, y, 0.25)) for y in (-1.2, 1.2)]
    loop = tube(ring_path(0.22, 20) + np.array([2.05, 0, 0.2]), 0.08, circle(8), closed=True)
    return merge([ring, eye, bar, *ends, loop]).scaled(size)


def box_clasp(size: float) -> Mesh:
    """Return a box clasp with its tongue drawn out a little and an eye at each end."""
    case = box(1.0, 0.7, 0.35, 0.25).faceted()
    tongue = box(0.5, 0.4, 0.06, 0.3).faceted().moved(offset=(1.4, 0, 0.1))
    eyes = [tube(ring_path(0.25, 20) + np.array([x, 0, 0]), 0.08, circle(8), closed=True) for x in (-1.25, 2.1)]
    catch = box(0.12, 0.3, 0.12).faceted().moved(offset=(0.2, 0, 0.42))
    return merge([case, tongue, catch, *eyes]).scaled(size)


def jump_ring(rng: np.random.Generator, radius: float, thick: float, gap: float | None = None) -> Mesh:
    """Return a cut ring of round wire about z, its ends `gap` radians apart and a little out of line."""
    gap = float(rng.choice([0.03, rng.uniform(0.1, 0.7)])) if gap is None else gap
    path = ring_path(radius, 48, gap / 2, 2 * np.pi - gap / 2)
    path[:, 2] += np.linspace(-1, 1, 48) * thick * float(rng.uniform(0, 1.2))
    return tube(path, thick, circle(10))


def clasp(rng: np.random.Generator, at: Array, size: float) -> Mesh:
    """Return a spring-ring or lobster clasp near `at` [3]."""
    if rng.random() < 0.5:
        return merge(
            [
                link(size, size, size * 0.28, steps=32).moved(offset=at),
                sphere(size * 0.4, 12).moved(offset=at + np.array([0, size, 0])),
            ]
        )
    hook = tube(
        np.array([[-1.6, 0, 0], [-0.4, 0.55, 0], [0.9, 0.6, 0], [1.5, 0, 0], [0.9, -0.55, 0], [-1.2, -0.4, 0]]) * size,
        np.array([0.35, 0.45, 0.3, 0.28, 0.25, 0.2]) * size,
        circle(8),
    )
    return merge([hook.moved(offset=at), box(size * 0.3, size * 0.5, size * 0.2).moved(offset=at)])
