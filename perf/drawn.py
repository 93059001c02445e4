"""Draw pieces with exact answers: wires of 2 to 6 px, mirroring plates with openings, on textured grounds.

No photo and no rendering: geometry from a seed, so that anyone can repeat a figure. The camera mixes light, not bytes:
photos are composited in linear light, blurred by half a pixel, given noise and a JPEG's loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.letterbox import fitted
from kernels.reference.srgb import F32, U8, Plane, linear_to_srgb, srgb_to_linear

FINE = 4
"""Geometry is drawn at this many times the size and averaged."""
METALS = ((226, 190, 120), (232, 232, 230), (222, 160, 128), (120, 116, 110))
"""Gold, silver, rose gold, blackened silver: sRGB of a lit surface."""
GROUNDS = ("plain", "grain", "weave", "speckle")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One photo and all its answers, each [H, W] or [H, W, 3]."""

    pixels: U8
    alpha: F32
    foreground: U8
    thin: np.ndarray
    """True pixels of wires of 2 to 6 px."""
    openings: list[tuple[int, int]]
    """One point (row, column) inside every see-through opening."""


def noise(rng: np.random.Generator, size: int, cell: float, stretch: float = 1) -> F32:
    """Return smooth noise [size, size], mean 0, deviation 1, of features of `cell` px, `stretch` times as long."""
    rows, columns = max(2, round(size / cell)), max(2, round(size / cell / stretch))
    field = cv2.resize(
        rng.standard_normal((rows, columns)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    return (field - field.mean()) / (field.std() + 1e-6)


def ground(rng: np.random.Generator, size: int, kind: str) -> F32:
    """Return a table in linear light [size, size, 3], shaded from one side."""
    base = rng.uniform((0.05, 0.05, 0.05), (0.75, 0.7, 0.65)) if kind != "plain" else rng.uniform(0.5, 0.9, 3)
    shade = 1 + 0.12 * noise(rng, size, size / 2)
    if kind == "grain":
        shade += 0.10 * noise(rng, size, 6, 40) + 0.05 * noise(rng, size, 30, 20)
    elif kind == "weave":
        y, x = np.mgrid[:size, :size].astype(np.float32)
        pitch = rng.uniform(5, 11)
        shade += 0.10 * np.sin(2 * np.pi * x / pitch) * np.sin(2 * np.pi * y / pitch) + 0.03 * noise(rng, size, 3)
    elif kind == "speckle":
        shade += 0.10 * noise(rng, size, 4) + 0.08 * noise(rng, size, 40)
    return (np.clip(shade, 0.2, 2)[..., None] * base).astype(np.float32)


def metal(rng: np.random.Generator, size: int, table: F32) -> F32:
    """Return mirroring metal in linear light [size, size, 3]: bright, dark and table-coloured bands."""
    lit = srgb_to_linear(np.array(METALS, np.uint8)[rng.integers(len(METALS))])
    band = 0.5 + 0.5 * np.tanh(1.5 * noise(rng, size, size / 24))
    mirror = np.clip(noise(rng, size, size / 16) - 1.2, 0, 0.5)[..., None]
    colour = (0.12 + 1.1 * band[..., None]) * lit
    return ((1 - mirror) * colour + mirror * table.mean((0, 1)) * lit * 1.3).astype(np.float32)


class Pen:
    """Draws at FINE times the size; keeps what is thin apart."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.solid = np.zeros((size * FINE, size * FINE), np.uint8)
        self.wires = np.zeros_like(self.solid)

    def line(self, points: np.ndarray, width: float) -> None:
        """Draw a polyline [N, 2] of (x, y) px, `width` px wide."""
        canvas = self.solid if width > 6 else self.wires
        fine = np.rint(points * FINE * 16).astype(np.int32)[:, None]
        cv2.polylines(canvas, [fine], False, (255,), max(1, round(width * FINE)), cv2.LINE_8, 4)

    def area(self, points: np.ndarray, value: int) -> None:
        """Fill, or with value 0 cut, a polygon [N, 2] of (x, y) px."""
        cv2.fillPoly(self.solid, [np.rint(points * FINE).astype(np.int32)], (value,))


def circle(centre: np.ndarray, radius: float, turns: float = 1, start: float = 0, grow: float = 0) -> np.ndarray:
    """Return points on a circle, or on a spiral that grows `grow` px a turn."""
    t = np.linspace(0, turns * 2 * np.pi, max(24, int(radius * abs(turns))))
    reach = radius + grow * t / (2 * np.pi)
    return np.stack([centre[0] + reach * np.cos(t + start), centre[1] + reach * np.sin(t + start)], axis=1)


def draw(seed: int, size: int = 2000) -> Drawn:
    """Draw one piece: a band or a pierced plate, with wires that hang on it."""
    rng = np.random.default_rng(seed)
    pen = Pen(size)
    centre = size * rng.uniform(0.45, 0.55, 2)
    radius = size * rng.uniform(0.16, 0.22)
    openings: list[np.ndarray] = []
    if seed % 2:
        pen.line(circle(centre, radius), size * rng.uniform(0.015, 0.04))
        openings.append(centre)
    else:
        pen.area(circle(centre, radius), 255)
        for angle in np.arange(0, 2 * np.pi, 2 * np.pi / rng.integers(5, 9)):
            hole = centre + radius * 0.6 * np.array([np.cos(angle), np.sin(angle)])
            pen.area(circle(hole, size * rng.uniform(0.006, 0.03)), 0)
            openings.append(hole)
    for angle in rng.uniform(0, 2 * np.pi, 7):
        foot = centre + radius * np.array([np.cos(angle), np.sin(angle)])
        width = rng.uniform(2, 6)
        kind = rng.integers(3)
        outwards = np.array([np.cos(angle), np.sin(angle)])
        if kind == 0:  # a hanging wire, bent
            reach = np.linspace(0, size * rng.uniform(0.1, 0.22), 60)[:, None]
            bend = np.stack([-outwards[1] * np.sin(reach[:, 0] / 40), outwards[0] * np.sin(reach[:, 0] / 40)], 1)
            pen.line(foot + outwards * reach + bend * size * 0.01, width)
        elif kind == 1:  # a loop
            loop = size * rng.uniform(0.01, 0.05)
            pen.line(circle(foot + outwards * loop, loop), width)
        else:  # a scroll
            turns = rng.uniform(1.5, 3)
            pen.line(circle(foot + outwards * size * 0.05, size * 0.012, turns, rng.uniform(0, 6), size * 0.016), width)
            pen.line(np.stack([foot - outwards * 5, foot + outwards * size * 0.05]), width)
    alpha = _averaged(np.maximum(pen.solid, pen.wires), size)
    thin = (alpha > 0.5) & (_averaged(pen.solid, size) < 0.02)
    table = ground(rng, size, GROUNDS[seed // 2 % len(GROUNDS)])
    lit = metal(rng, size, table)
    shadow = cv2.GaussianBlur(np.roll(alpha, (round(size * 0.006), round(size * 0.009)), (0, 1)), (0, 0), size * 0.003)
    behind = table * (1 - rng.uniform(0.1, 0.6) * shadow[..., None])
    light: Plane = cv2.GaussianBlur(behind + alpha[..., None] * (lit - behind), (0, 0), 0.5)
    alpha: Plane = cv2.GaussianBlur(alpha, (0, 0), 0.5)
    encoded = linear_to_srgb(light) + rng.normal(0, 1.5, light.shape).astype(np.float32)
    encoded = cv2.imencode(".jpg", np.clip(np.rint(encoded), 0, 255).astype(np.uint8)[..., ::-1], [1, 92])[1]
    pixels: Plane = np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[..., ::-1])
    free = [point for point in openings if alpha[int(point[1]), int(point[0])] < 0.1]
    return Drawn(pixels, alpha, linear_to_srgb(lit), thin, [(int(p[1]), int(p[0])) for p in free])


def _averaged(fine: np.ndarray, size: int) -> F32:
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def degraded(alpha: F32, seed: int, size: int = 768) -> F32:
    """Return what a good network makes of an exact alpha [H, W]: [3, size, size], the metal plane like the alpha.

    Area averaged into the letterbox and blurred; what is thinner than 3 of its pixels faded, in places to nothing;
    small openings half filled; a few pale spots in what is solid.
    """
    rng = np.random.default_rng(seed)
    h, w = fitted(alpha.shape[0], alpha.shape[1], size)
    small = cv2.resize(alpha, (w, h), interpolation=cv2.INTER_AREA)
    solid = (small > 0.5).astype(np.uint8)
    thick = cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.ones((3, 3), np.uint8))
    fade = np.clip(0.65 + 0.35 * noise(rng, max(h, w), 24)[:h, :w], 0, 1)
    faded = np.where(thick > 0, small, small * fade)
    hollow = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)) > solid
    fill = np.clip(0.35 + 0.2 * noise(rng, max(h, w), 30)[:h, :w], 0, 0.7)
    faded = np.where(hollow & (thick == 0), np.maximum(faded, fill * (small < 0.5)), faded)
    inner = cv2.erode(solid, np.ones((9, 9), np.uint8)) > 0
    spot = np.clip((noise(rng, max(h, w), 9)[:h, :w] - 2.2) * 2, 0, 0.85)
    faded = np.where(inner, faded * (1 - spot), faded)
    out = np.zeros((3, size, size), np.float32)
    out[0, :h, :w] = np.clip(cv2.GaussianBlur(faded, (0, 0), 0.6), 0, 1)
    out[1] = out[0]
    return out
