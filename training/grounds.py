"""Drawn grounds: paper, stone, wood, cloth, skin and print as pictures that need no file."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training import materials

DRAWN = (
    *("marble", "granite", "weave", "planks", "slate", "linen", "knit", "pattern"),
    *("crumpled", "skin", "page", "tiles", "stripes", "dots", "paper"),
)
"""What can be drawn; what no branch names is plain paper."""


def _grid(size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(size) / size, np.arange(size) / size)


def fractal(rng: np.random.Generator, size: int = 512, power: float = 1.6) -> np.ndarray:
    """Return tileable noise [size, size] in [0, 1] with a spectrum of 1/f**power."""
    freq = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    freq[0, 0] = 1
    wave = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) / freq**power).real
    low, high = np.percentile(wave, [1, 99])
    return np.clip((wave - low) / (high - low), 0, 1)


def _planks(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, base: np.ndarray, soft: np.ndarray, fine: np.ndarray
) -> np.ndarray:
    """Return boards with grain, knots, dark joints of uneven width and butt ends."""
    count = int(rng.integers(2, 7))
    board = np.minimum((y * count).astype(int), count - 1)
    shift, tone = rng.uniform(0, 1, count)[board], rng.uniform(0.7, 1.0, count)[board]
    bent = fractal(rng, power=2.2)
    grain = np.sin(float(rng.uniform(40, 130)) * (y + 0.12 * np.roll(bent, int(rng.integers(512)), 1)) + 9 * shift)
    streak = np.sin(300 * y + 20 * soft + 30 * shift) * fractal(rng, power=1.0)
    for _ in range(int(rng.integers(0, 5))):
        far = np.hypot((x - rng.uniform()) * 1.2, (y - rng.uniform()) * 3)
        grain = np.where(far < 0.06, np.sin(180 * far), grain)
    kinds = [(0.62, 0.45, 0.3), (0.42, 0.28, 0.18), (0.75, 0.66, 0.54), (0.5, 0.48, 0.46), (0.86, 0.85, 0.83)]
    wood = np.array(kinds[int(rng.integers(len(kinds)))]) * rng.uniform(0.7, 1.2) if rng.random() < 0.8 else base
    mix = wood * (tone * (0.88 + 0.09 * grain + 0.05 * streak + 0.1 * fine))[..., None]
    width = float(rng.uniform(0.006, 0.05)) * (1 + 0.5 * (soft - 0.5))
    near = np.minimum((y * count) % 1, 1 - (y * count) % 1)
    end = np.abs(x - shift) < 0.003 * float(rng.integers(0, 2))
    dark = np.clip((width - near) / (0.4 * width), 0, 1)
    return mix * (1 - float(rng.uniform(0.6, 0.97)) * np.maximum(dark, end))[..., None]


def _linen(rng: np.random.Generator, base: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Return a cloth of single threads, uneven in thickness and tone, over and under each other."""
    n = int(rng.integers(36, 110))
    at = np.arange(512) / 512 * n
    wobble = 0.25 * (fractal(rng, power=1.8) - 0.5)
    u, v = at[None, :] + wobble, at[:, None] + wobble.T
    warp, weft = np.abs(np.sin(np.pi * u)), np.abs(np.sin(np.pi * v))
    over = (np.floor(u) + np.floor(v)) % 2 < 1
    thick = rng.uniform(0.6, 1.3, (2, n + 2))
    row, column = np.clip(np.floor(v).astype(int), 0, n), np.clip(np.floor(u).astype(int), 0, n)
    body = np.where(over, warp * thick[0][column], weft * thick[1][row])
    light = np.array([0.8, 0.76, 0.68]) if rng.random() < 0.6 else base
    return light * (0.5 + 0.45 * np.clip(body, 0, 1) + 0.15 * (fine - 0.5))[..., None]


def _patterned(rng: np.random.Generator, base: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return printed cloth [512, 512, 3] in [0, 1]: check, tartan, flowers, paisley-like drops or lattice."""
    kind = rng.choice(["check", "flowers", "drops", "lattice", "scribble"])
    third = np.array(materials.random_color(rng, 0.8)) ** (1 / 2.2)
    if kind == "check":
        steps = np.cumsum(rng.uniform(0.02, 0.2, 9))
        line = np.searchsorted(steps / steps[-1], np.arange(512) / 512) % 3
        colors = np.stack([base, other, third])[line]
        return (colors[None] + colors[:, None]) / 2
    to_code = [tuple((255 * np.clip(c, 0, 1)).astype(int).tolist()) for c in (base, other, third)]
    image = Image.new("RGB", (512, 512), to_code[0])
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(20, 160))):
        cx, cy, r = *rng.uniform(0, 512, 2), float(rng.uniform(6, 34))
        ink, angle = to_code[int(rng.integers(1, 3))], float(rng.uniform(0, 6.28))
        for dx, dy in ((0, 0), (-512, 0), (512, 0), (0, -512), (0, 512)):  # tileable
            x, y = cx + dx, cy + dy
            if kind == "flowers":
                for k in range(5):
                    px, py = x + r * np.cos(angle + 1.257 * k), y + r * np.sin(angle + 1.257 * k)
                    pen.ellipse((px - 0.6 * r, py - 0.6 * r, px + 0.6 * r, py + 0.6 * r), fill=ink)
                pen.ellipse((x - 0.4 * r, y - 0.4 * r, x + 0.4 * r, y + 0.4 * r), fill=to_code[0])
            elif kind == "drops":
                t = np.linspace(0, 6.28, 24)
                px = x + r * (np.cos(angle) * np.sin(t) * np.sin(t / 2) - np.sin(angle) * 1.6 * np.cos(t))
                py = y + r * (np.sin(angle) * np.sin(t) * np.sin(t / 2) + np.cos(angle) * 1.6 * np.cos(t))
                pen.polygon(np.stack([px, py], 1).ravel().tolist(), fill=ink, outline=to_code[0])
            elif kind == "lattice":
                pen.line((x - 3 * r, y - 3 * r, x + 3 * r, y + 3 * r), fill=ink, width=int(r / 8) + 1)
                pen.line((x - 3 * r, y + 3 * r, x + 3 * r, y - 3 * r), fill=ink, width=int(r / 8) + 1)
            else:
                pen.arc(
                    (x - 2 * r, y - 2 * r, x + 2 * r, y + 2 * r),
                    int(57 * angle),
                    int(57 * angle) + 200,
                    fill=ink,
                    width=3,
                )
    return np.asarray(image, float) / 255


def _page(rng: np.random.Generator, base: np.ndarray) -> np.ndarray:
    """Return a printed page [512, 512, 3] in [0, 1]: lines of words, a heading, sometimes columns."""
    paper = np.array([0.93, 0.91, 0.86]) * rng.uniform(0.85, 1.0) if rng.random() < 0.8 else base
    image = Image.new("L", (512, 512), 0)
    pen = ImageDraw.Draw(image)
    size = float(rng.uniform(9, 26))
    letters = "eeeeettaaooiinsshrdlcumwfgypbvk"
    font = ImageFont.load_default(size)
    y = 8.0
    while y < 500:
        line = ""
        while len(line) < 520 / (0.42 * size):
            line += "".join(rng.choice(list(letters), int(rng.integers(2, 9)))) + " "
        big = rng.random() < 0.04
        pen.text(
            (float(rng.uniform(6, 12)), y),
            line.capitalize(),
            fill=255,
            font=ImageFont.load_default(size * 2) if big else font,
        )
        y += size * (2.6 if big else float(rng.choice([1.25, 1.9], p=[0.9, 0.1])))
    ink = np.asarray(image, float)[..., None] / 255 * float(rng.uniform(0.6, 0.95))
    return paper * (1 - ink) + ink * np.array([0.08, 0.08, 0.1])


def drawn_texture(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Return a procedural ground [512, 512, 3] uint8 sRGB; `kind` is one of DRAWN."""
    x, y = _grid()
    base, other = (np.array(materials.random_color(rng, 0.7)) ** (1 / 2.2) for _ in range(2))
    soft, fine = fractal(rng), fractal(rng, power=0.6)
    if kind == "marble":
        vein = np.abs(np.sin(6.28 * (rng.integers(1, 3) * x + rng.integers(1, 3) * y) + 9 * soft)) ** float(
            rng.uniform(0.2, 0.8)
        )
        light = np.array([0.9, 0.89, 0.87]) if rng.random() < 0.6 else base
        mix = light * vein[..., None] + light * rng.uniform(0.3, 0.75) * (1 - vein[..., None])
    elif kind == "granite":
        mix = base * (0.6 + 0.4 * soft[..., None]) + (fine[..., None] - 0.5) * rng.uniform(0.2, 0.6)
    elif kind == "weave":
        n = int(rng.integers(30, 90))
        cloth = 0.5 + 0.25 * np.sin(6.28 * n * x) * np.sign(np.sin(3.14 * n * y)) + 0.25 * np.sin(6.28 * n * y)
        mix = base * (0.75 + 0.25 * cloth[..., None]) * (0.9 + 0.1 * fine[..., None])
    elif kind == "planks":
        mix = _planks(rng, x, y, base, soft, fine)
    elif kind == "slate":
        layers = fractal(rng, power=1.1) * 0.5 + 0.5 * np.abs(np.sin(14 * fractal(rng, power=2.0)))
        gray = np.array([0.2, 0.21, 0.23]) * rng.uniform(0.5, 1.8) * (0.9 + 0.2 * base)
        mix = gray * (0.75 + 0.4 * layers + 0.25 * (fine - 0.5))[..., None]
        for _ in range(int(rng.integers(0, 4))):
            band = fractal(rng, power=2.0) - float(rng.uniform(0.35, 0.65))
            vein = np.exp(-((band / float(rng.uniform(0.003, 0.015))) ** 2)) * (fractal(rng) > 0.35)
            tone = np.array([0.75, 0.74, 0.72]) if rng.random() < 0.7 else base
            mix = mix + (tone - mix) * (0.8 * vein)[..., None]
    elif kind == "linen":
        mix = _linen(rng, base, fine)
    elif kind == "knit":
        n, rows = int(rng.integers(10, 26)), int(rng.integers(14, 34))
        u, v = (x * n) % 1, (y * rows + 0.35 * np.abs((x * n) % 1 - 0.5) * 2) % 1
        stitch = np.sqrt(np.clip(1 - (2 * np.abs(v - 0.5)) ** 2, 0, 1)) * np.clip(
            np.sin(np.pi * u * 2) ** 2 + 0.35, 0, 1
        )
        fibre = np.sin(220 * (y + 0.3 * np.abs(u - 0.5)) + 6 * fine)
        mix = base * (0.3 + 0.6 * stitch + 0.06 * fibre + 0.15 * (fine - 0.5))[..., None]
    elif kind == "pattern":
        mix = _patterned(rng, base, other) * (0.9 + 0.14 * (fine - 0.5))[..., None]
    elif kind == "crumpled":
        light = np.array([0.86, 0.85, 0.82]) if rng.random() < 0.6 else base
        facets = np.zeros((512, 512))
        for _ in range(3):
            field, axis = fractal(rng, power=2.4), rng.normal(size=2)
            slope = np.gradient(np.abs(field - 0.5))
            facets += axis[0] * slope[0] + axis[1] * slope[1]
        facets /= np.percentile(np.abs(facets), 98) + 1e-9
        mix = light * (0.86 + 0.14 * np.tanh(1.5 * facets))[..., None]
    elif kind == "skin":
        tones = [(0.86, 0.66, 0.56), (0.78, 0.57, 0.45), (0.6, 0.42, 0.31), (0.42, 0.28, 0.2), (0.27, 0.18, 0.14)]
        tone = np.array(tones[int(rng.integers(len(tones)))]) * rng.uniform(0.93, 1.07)
        cells = np.abs(np.sin(60 * fractal(rng, power=1.3)) * np.sin(60 * fractal(rng, power=1.3)))
        red = np.array([0.02, -0.012, -0.012]) * (2 * soft - 1)[..., None]
        mix = tone * (0.97 + 0.05 * cells - 0.04 * (fine < 0.2))[..., None] + red
        for _ in range(int(rng.integers(0, 4))):  # folds of a palm or knuckle
            crease = np.exp(-(((fractal(rng, power=2.6) - float(rng.uniform(0.3, 0.7))) / 0.02) ** 2))
            mix = mix * (1 - 0.14 * crease * soft)[..., None]
    elif kind == "page":
        mix = _page(rng, base) * (0.97 + 0.06 * (soft - 0.5))[..., None]
    elif kind == "tiles":
        n = int(rng.integers(2, 7))
        u, v = (x * n) % 1, (y * n) % 1
        joint = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v)) < float(rng.uniform(0.01, 0.04))
        tone = rng.uniform(0.8, 1.0, (n, n))[(y * n).astype(int), (x * n).astype(int)]
        mix = np.where(joint[..., None], other * 0.7, base * (tone * (0.92 + 0.1 * soft))[..., None])
    elif kind in ("stripes", "dots"):
        n = int(rng.integers(3, 14))
        pattern = np.sin(6.28 * n * x) if kind == "stripes" else np.sin(6.28 * n * x) * np.sin(6.28 * n * y)
        edge = 1 / (1 + np.exp(-pattern * rng.uniform(3, 30)))[..., None]
        mix = (base * edge + other * (1 - edge)) * (0.92 + 0.08 * fine[..., None])
    else:
        mix = base * (
            1 + rng.uniform(0.0, 0.12) * (soft[..., None] - 0.5) + rng.uniform(0, 0.1) * (fine[..., None] - 0.5)
        )
    return (np.clip(mix, 0, 1) * 255).astype(np.uint8)
