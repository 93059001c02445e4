"""Materials drawn at random: metals by alloy and finish, stones by kind, cords."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.piece import Material

# Linear reflectance at normal incidence: measured metals, alloys mixed from them by eye.
METALS = {
    "gold 22k": (1.00, 0.74, 0.30),
    "gold 18k": (1.00, 0.79, 0.44),
    "gold 14k": (0.97, 0.81, 0.54),
    "gold 9k": (0.93, 0.82, 0.62),
    "rose gold": (0.96, 0.69, 0.55),
    "copper": (0.95, 0.60, 0.46),
    "bronze": (0.80, 0.58, 0.36),
    "silver": (0.96, 0.94, 0.91),
    "rhodium": (0.78, 0.77, 0.76),
    "steel": (0.62, 0.61, 0.60),
    "oxidised": (0.30, 0.29, 0.28),
}
# Three refractive indices only: each is compiled into the kernel, see render.COUNTS.
STONES = {
    "diamond": ((0.98, 0.98, 0.98), 2.417),
    "ruby": ((0.85, 0.10, 0.18), 1.76),
    "sapphire": ((0.12, 0.22, 0.80), 1.76),
    "emerald": ((0.10, 0.62, 0.30), 1.55),
    "amethyst": ((0.58, 0.28, 0.80), 1.55),
    "citrine": ((0.92, 0.66, 0.16), 1.55),
    "topaz": ((0.45, 0.75, 0.92), 1.55),
    "garnet": ((0.50, 0.06, 0.08), 1.76),
    "peridot": ((0.60, 0.80, 0.24), 1.76),
    "morganite": ((0.95, 0.72, 0.68), 1.55),
    "smoky": ((0.40, 0.30, 0.22), 1.55),
    "black": ((0.05, 0.05, 0.06), 1.76),
}


def _vary(rng: np.random.Generator, color: tuple[float, float, float], spread: float) -> tuple[float, float, float]:
    r, g, b = np.clip(np.array(color) * rng.uniform(1 - spread, 1 + spread, 3), 0.01, 1.0)
    return float(r), float(g), float(b)


def random_color(rng: np.random.Generator, saturation: float = 0.8) -> tuple[float, float, float]:
    """Return any linear colour, from pale to deep."""
    hue, value = rng.uniform(0, 1), rng.uniform(0.03, 0.85)
    strength = rng.uniform(0, saturation)
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    r, g, b = value * (1 - strength + strength * wheel)
    return float(r), float(g), float(b)


def metal(rng: np.random.Generator, name: str | None = None) -> Material:
    """Return an alloy with a finish from polished to brushed; some with patina."""
    name = name or str(rng.choice(list(METALS), p=np.array([8, 12, 12, 6, 10, 5, 4, 20, 9, 8, 6]) / 100))
    rough = float(
        rng.choice([rng.uniform(0.03, 0.09), rng.uniform(0.09, 0.2), rng.uniform(0.2, 0.4)], p=[0.5, 0.3, 0.2])
    )
    made = Material("metal", _vary(rng, METALS[name], 0.05), rough)
    if name in ("silver", "copper", "bronze", "oxidised") and rng.random() < 0.4:
        dark = _vary(rng, (0.25, 0.22, 0.2), 0.3)
        made = replace(made, second=dark, frequency=float(rng.uniform(3, 14)))
    return made


def clear(rng: np.random.Generator, name: str | None = None) -> Material:
    """Return a transparent stone."""
    color, ior = STONES[name or str(rng.choice(list(STONES)))]
    return Material("clear", _vary(rng, color, 0.1), 0.0, ior)


def opaque(rng: np.random.Generator, glossy: bool | None = None) -> Material:
    """Return an opaque stone, bead, enamel or wood: plain, mottled or banded."""
    glossy = bool(rng.random() < 0.65) if glossy is None else glossy
    rough = float(rng.uniform(0.03, 0.12) if glossy else rng.uniform(0.25, 0.6))
    color = random_color(rng)
    kind = rng.random()
    if kind < 0.45:
        return Material("opaque", color, rough)
    near = _vary(rng, color, 0.5) if rng.random() < 0.6 else random_color(rng)
    return Material("opaque", color, rough, 1.5, near, float(rng.uniform(2, 12)), bands=kind > 0.8)


def pearl(rng: np.random.Generator) -> Material:
    """Return nacre: white, cream, rose, gray or peacock."""
    colors = [(0.86, 0.83, 0.78), (0.85, 0.76, 0.62), (0.84, 0.68, 0.64), (0.42, 0.42, 0.44), (0.16, 0.18, 0.18)]
    color = colors[int(rng.choice(5, p=[0.45, 0.2, 0.15, 0.1, 0.1]))]
    return Material("pearl", _vary(rng, color, 0.06), float(rng.uniform(0.06, 0.2)), 1.6)


def stone(rng: np.random.Generator) -> Material:
    """Return any stone."""
    return [clear, opaque, pearl][int(rng.choice(3, p=[0.5, 0.35, 0.15]))](rng)


def cord(rng: np.random.Generator) -> Material:
    """Return leather, silk or thread."""
    return Material("matte", random_color(rng, 0.6), 0.6)
