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


def varied(rng: np.random.Generator, color: tuple[float, float, float], spread: float) -> tuple[float, float, float]:
    """Return a colour near `color`: each channel times 1 - spread to 1 + spread."""
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
    made = Material("metal", varied(rng, METALS[name], 0.05), rough)
    if name in ("silver", "copper", "bronze", "oxidised") and rng.random() < 0.4:
        dark = varied(rng, (0.25, 0.22, 0.2), 0.3)
        made = replace(made, second=dark, frequency=float(rng.uniform(3, 14)))
    return made


def clear(rng: np.random.Generator, name: str | None = None) -> Material:
    """Return a transparent stone; colourless ones are about as frequent as all others, as in shops."""
    others = len(STONES) - 1
    name = name or str(rng.choice(list(STONES), p=[0.45] + [0.55 / others] * others))
    color, ior = STONES[name]
    return Material("clear", varied(rng, color, 0.03 if name == "diamond" else 0.1), 0.0, ior)


def opaque(rng: np.random.Generator, glossy: bool | None = None) -> Material:
    """Return an opaque stone, bead, enamel or wood: plain, mottled or banded."""
    glossy = bool(rng.random() < 0.65) if glossy is None else glossy
    rough = float(rng.uniform(0.03, 0.12) if glossy else rng.uniform(0.25, 0.6))
    color = random_color(rng)
    kind = rng.random()
    if kind < 0.45:
        return Material("opaque", color, rough)
    near = varied(rng, color, 0.5) if rng.random() < 0.6 else random_color(rng)
    return Material("opaque", color, rough, 1.5, near, float(rng.uniform(2, 12)), bands=kind > 0.8)


def dark(rng: np.random.Generator) -> Material:
    """Return an opaque stone that is nearly black: onyx, jet, hematite, black glass; polished, some matt."""
    rough = float(rng.uniform(0.02, 0.12) if rng.random() < 0.75 else rng.uniform(0.25, 0.5))
    tone = float(rng.uniform(0.008, 0.05))
    return Material("opaque", varied(rng, (tone, tone, tone), 0.15), rough)


def deep(rng: np.random.Generator) -> Material:
    """Return an opaque stone or glass bead of deep colour: lapis, malachite, garnet and their like."""
    depth = float(rng.uniform(1.2, 2.2))  # what lets less light back is also more saturated (Beer and Lambert)
    r, g, b = np.maximum(np.array(random_color(rng, 0.97)) ** depth, 0.004)
    return replace(opaque(rng), color=(float(r), float(g), float(b)))


def frosted(rng: np.random.Generator) -> Material:
    """Return a bead of etched glass or matt stone: a full colour without a highlight, a little cloudy."""
    color = np.array(random_color(rng, 0.95)) + rng.uniform(0.0, 0.25)  # what is etched scatters white
    near = varied(rng, (float(color[0]), float(color[1]), float(color[2])), 0.1)
    rough, cloudy = float(rng.uniform(0.3, 0.6)), varied(rng, near, 0.25)
    return Material("opaque", near, rough, 1.5, cloudy, float(rng.uniform(1, 4)))


def faded(rng: np.random.Generator, given: Material) -> Material:
    """Return `given` lighter or darker, and as gray as chance has it."""
    keep, bright = float(rng.uniform(0, 1)) ** 0.5, float(np.exp(rng.uniform(np.log(0.4), np.log(1.8))))

    def worn(color: tuple[float, float, float]) -> tuple[float, float, float]:
        gray = sum(color) / 3
        r, g, b = (min(bright * (gray + keep * (c - gray)), 0.95) for c in color)
        return r, g, b

    return replace(given, color=worn(given.color), second=given.second and worn(given.second))


def earthy(rng: np.random.Generator) -> Material:
    """Return what has a metal's colour and is none: brown to cream stone, wood, horn, bone, clay, shell.

    Plain, mottled or banded, as often matt as polished.
    """
    value, hue = float(np.exp(rng.uniform(np.log(0.02), np.log(0.6)))), float(rng.uniform(0.0, 1.0))
    strength = float(rng.uniform(0.15, 0.85)) * (1 - 0.6 * value)
    base = value * np.array([1.0, 1 - strength * (0.75 - 0.45 * hue), 1 - strength])  # from brick red to olive
    color = (float(base[0]), float(base[1]), float(base[2]))
    rough = float(rng.uniform(0.03, 0.15) if rng.random() < 0.5 else rng.uniform(0.2, 0.6))
    if rng.random() < 0.3:
        return Material("opaque", color, rough)
    second = varied(rng, color, 0.6) if rng.random() < 0.7 else varied(rng, (0.6, 0.5, 0.38), 0.3)
    return Material("opaque", color, rough, 1.5, second, float(rng.uniform(2, 14)), bands=bool(rng.random() < 0.4))


def pearl(rng: np.random.Generator) -> Material:
    """Return nacre: white, cream, rose, gray or peacock."""
    colors = [(0.86, 0.83, 0.78), (0.85, 0.76, 0.62), (0.84, 0.68, 0.64), (0.42, 0.42, 0.44), (0.16, 0.18, 0.18)]
    color = colors[int(rng.choice(5, p=[0.45, 0.2, 0.15, 0.1, 0.1]))]
    return Material("pearl", varied(rng, color, 0.06), float(rng.uniform(0.06, 0.2)), 1.6)


# Base, second colour, frequency of its noise, in bands or not: stones that cutters sell as cabochons.
PATTERNED = {
    "turquoise": ((0.10, 0.46, 0.44), (0.09, 0.06, 0.04), 3.0, False),
    "jade": ((0.16, 0.40, 0.20), (0.42, 0.60, 0.42), 2.5, False),
    "agate": ((0.55, 0.36, 0.24), (0.80, 0.72, 0.62), 3.5, True),
    "blue agate": ((0.25, 0.36, 0.55), (0.72, 0.78, 0.84), 4.0, True),
    "malachite": ((0.01, 0.22, 0.11), (0.10, 0.52, 0.32), 5.0, True),
    "tiger eye": ((0.20, 0.09, 0.02), (0.58, 0.34, 0.08), 5.0, True),
    "lapis": ((0.02, 0.04, 0.30), (0.06, 0.10, 0.42), 5.0, False),
    "opal": ((0.72, 0.76, 0.78), (0.40, 0.68, 0.74), 5.0, False),
    "fire opal": ((0.62, 0.66, 0.60), (0.80, 0.42, 0.30), 6.0, False),
    "labradorite": ((0.10, 0.12, 0.14), (0.08, 0.30, 0.50), 2.5, False),
    "rose quartz": ((0.78, 0.52, 0.52), (0.86, 0.68, 0.66), 1.5, False),
    "moonstone": ((0.74, 0.77, 0.80), (0.58, 0.68, 0.84), 1.2, False),
    "onyx": ((0.008, 0.008, 0.010), None, 0.0, False),
    "jet": ((0.02, 0.018, 0.016), (0.04, 0.035, 0.03), 3.0, False),
    "coral": ((0.62, 0.08, 0.05), (0.70, 0.16, 0.10), 3.0, False),
    "howlite": ((0.80, 0.79, 0.76), (0.40, 0.40, 0.40), 2.5, False),
    "amber": ((0.62, 0.26, 0.03), (0.80, 0.46, 0.08), 2.0, False),
    "mother of pearl": ((0.80, 0.78, 0.76), (0.66, 0.76, 0.74), 3.0, False),
    "abalone": ((0.08, 0.28, 0.30), (0.40, 0.28, 0.44), 3.5, True),
    "carnelian": ((0.50, 0.10, 0.02), (0.66, 0.24, 0.07), 3.0, True),
}
# Colours of clear cabochons, which scatter little: chalcedony, moonstone, prehnite, glass.
TRANSLUCENT = [(0.80, 0.86, 0.90), (0.90, 0.82, 0.80), (0.72, 0.86, 0.68), (0.60, 0.74, 0.88), (0.92, 0.70, 0.36)]


def gemlike(rng: np.random.Generator, name: str | None = None) -> Material:
    """Return a stone as cabochons are cut from: turquoise, jade, agate, onyx, opal or a translucent one."""
    if name is None and rng.random() < 0.15:
        color = TRANSLUCENT[int(rng.integers(len(TRANSLUCENT)))]
        return Material("clear", varied(rng, color, 0.08), 0.0, 1.55)
    return patterned(rng, name)


def patterned(rng: np.random.Generator, name: str | None = None) -> Material:
    """Return an opaque stone with a pattern of its own."""
    color, second, frequency, bands = PATTERNED[name or str(rng.choice(list(PATTERNED)))]
    rough = float(rng.uniform(0.02, 0.1) if rng.random() < 0.8 else rng.uniform(0.2, 0.45))
    made = Material("opaque", varied(rng, color, 0.12), rough)
    if second is not None:
        made = replace(
            made, second=varied(rng, second, 0.12), frequency=frequency * float(rng.uniform(0.6, 1.6)), bands=bands
        )
    return made


def enamel(rng: np.random.Generator) -> Material:
    """Return glossy or matt enamel of one colour."""
    return Material("opaque", random_color(rng, 0.97), float(rng.choice([rng.uniform(0.02, 0.08), 0.35], p=[0.8, 0.2])))


def two_metals(rng: np.random.Generator) -> tuple[Material, Material]:
    """Return two different alloys as are sold together: white with yellow, rose or dark."""
    white = metal(rng, str(rng.choice(["silver", "rhodium", "steel"])))
    warm = metal(rng, str(rng.choice(["gold 22k", "gold 18k", "gold 14k", "gold 9k", "rose gold", "oxidised"])))
    return (white, warm) if rng.random() < 0.5 else (warm, white)


def stone(rng: np.random.Generator) -> Material:
    """Return any stone."""
    return [clear, opaque, pearl][int(rng.choice(3, p=[0.5, 0.35, 0.15]))](rng)


def cord(rng: np.random.Generator) -> Material:
    """Return leather, silk or thread."""
    return Material("matte", random_color(rng, 0.6), 0.6)
