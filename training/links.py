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
    rounded,
    sphere,
    spline,
    tube,
)

KINDS = ("cable", "curb", "figaro", "rope", "box", "snake", "ball", "long")


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
    wire = float(rng.uniform(0.2, 0.34)) * width
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
        return instances(link(length, width, wire * 1.25, 0.35), axes, centre)
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
    return instances(link(length, width, wire), axes, centre)


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
