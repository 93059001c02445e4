"""What lies about in a seller's photo and is never jewelry: hands, stands, tools, paper, cloth, plants, stones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from training import hand, links, materials
from training.geometry import (
    Array,
    Mesh,
    box,
    circle,
    gem,
    hull,
    instances,
    lathe,
    merge,
    noise,
    rotation,
    rounded,
    sphere,
    spline,
    torus,
    tube,
)
from training.piece import Material, Part, Piece
from training.plates import capsule, ellipse, leaf, plate

Parts = tuple[Part, ...]
# Families whose piece is one ring that something can go through.
RINGS = ("solitaire", "band", "eternity", "cabochon_ring", "signet", "textured_band", "pave_ring", "statement_ring")


def _other(mesh: Mesh, material: Material) -> Part:
    return Part(mesh, material, "other")


def _near(rng: np.random.Generator, color: tuple[float, float, float], spread: float) -> tuple[float, float, float]:
    """Return a lighter or darker `color` of almost the same hue."""
    bright = float(rng.uniform(1 - spread, 1 + spread))
    r, g, b = (min(c * bright, 1.0) for c in materials.varied(rng, color, 0.06))
    return r, g, b


def _dull(rng: np.random.Generator, color: tuple[float, float, float] | None = None, spread: float = 0.2) -> Material:
    """Return cloth, paper, bark or skin of about `color`."""
    color = materials.random_color(rng, 0.75) if color is None else _near(rng, color, spread)
    r, g, b = (0.65 * c for c in color)
    return Material("matte", color, 0.6, second=(r, g, b), frequency=float(rng.uniform(2, 9)))


def _shiny(rng: np.random.Generator, color: tuple[float, float, float] | None = None) -> Material:
    """Return plastic, lacquer, wet stone or glazed ware."""
    color = materials.random_color(rng, 0.8) if color is None else _near(rng, color, 0.2)
    return Material("opaque", color, float(rng.uniform(0.05, 0.45)))


def skin(rng: np.random.Generator) -> Material:
    """Return skin from fair to dark, mottled a little."""
    tones = [(0.62, 0.36, 0.26), (0.52, 0.28, 0.18), (0.38, 0.19, 0.11), (0.20, 0.09, 0.05), (0.09, 0.04, 0.025)]
    tone = _near(rng, tones[int(rng.integers(len(tones)))], 0.12)
    r, g, b = tone
    return Material("opaque", tone, 0.5, second=(0.95 * r, 0.72 * g, 0.68 * b), frequency=float(rng.uniform(1.0, 3.0)))


def _lain(mesh: Mesh) -> Mesh:
    """Put the lowest point on z = 0."""
    return mesh.moved(offset=(0, 0, -float(mesh.points[:, 2].min())))


def _sheet(height: Array, x: Array, y: Array) -> Mesh:
    """Return a height field [N, M] over the grid `x`, `y`, open below."""
    n, m = height.shape
    i, j = np.meshgrid(np.arange(n - 1), np.arange(m - 1), indexing="ij")
    a = (i * m + j).ravel()
    faces = np.concatenate([np.stack([a, a + m, a + 1], 1), np.stack([a + m, a + m + 1, a + 1], 1)])
    return Mesh(np.stack([x, y, height], -1).reshape(-1, 3), faces)


def twig(rng: np.random.Generator, size: float) -> Parts:
    """Return a bare twig, sometimes forked."""
    knots = np.cumsum(rng.normal(0, 0.25, (6, 3)) + np.array([0.5, 0, 0]), axis=0) * size
    knots[:, 2] = np.abs(knots[:, 2]) * 0.2 + 0.08 * size
    line = spline(knots, 60)
    rods = [tube(line, np.linspace(0.07, 0.03, 60) * size)]
    for k in rng.integers(15, 50, int(rng.integers(0, 4))):
        way = rng.normal(0, 0.5, 3) * [1, 1, 0.2] * size + [0.3 * size, 0, 0]
        side = np.stack([line[k], line[k] + 0.5 * way + [0, 0.05 * size, 0], line[k] + way])
        rods.append(tube(spline(np.vstack([side, side[-1:] + 0.4 * way]), 24), np.linspace(0.04, 0.015, 24) * size))
    rod = merge(rods)
    bark = _dull(rng, (0.25, 0.15, 0.09), 0.4)
    return (_other(_lain(rod.displaced(0.015 * size * noise(rod.points / size, rng, 9.0, 2))), bark),)


def _blade(rng: np.random.Generator, size: float, wide: float, curl: float) -> Mesh:
    """Return a petal or leaf from the origin along +x, curled up at its sides and along."""
    u, v = np.meshgrid(np.linspace(0, 1, 20), np.linspace(-1, 1, 11), indexing="ij")
    half = wide * np.sin(np.pi * u ** float(rng.uniform(0.6, 1.3)))
    z = curl * v**2 * half + 0.1 * np.sin(5 * u + rng.uniform(0, 6)) + float(rng.uniform(-0.1, 0.3)) * u**2
    z = z + 0.02 * np.sin(9 * u - 6 * np.abs(v)) + 0.015 * np.abs(v)
    return _lain(_sheet(z, u, v * half).scaled(size))


def petal(rng: np.random.Generator, size: float) -> Parts:
    """Return a petal, fresh or dried."""
    mesh = _blade(rng, size, float(rng.uniform(0.2, 0.6)), float(rng.uniform(0, 0.8)))
    colors = [
        (0.75, 0.3, 0.35),
        (0.8, 0.62, 0.6),
        (0.82, 0.75, 0.62),
        (0.5, 0.06, 0.08),
        (0.4, 0.2, 0.5),
        (0.75, 0.5, 0.1),
    ]
    return (_other(mesh, _dull(rng, colors[int(rng.integers(len(colors)))], 0.3)),)


def dried_petals(rng: np.random.Generator, size: float) -> Parts:
    """Return a pressed petal or a few on one stalk: papery fans, creased lengthwise, ragged at their wide end."""
    fans = []
    spread, skew = float(rng.uniform(0.25, 1.0)), float(rng.uniform(0.5, 1.3))
    for k in range(int(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))):
        u, v = np.meshgrid(np.linspace(0.03, 1, 26), np.linspace(-1, 1, 41), indexing="ij")
        ragged = 1 + 0.16 * noise(np.stack([9 * v[-1], 0 * v[-1], 0 * v[-1] + k], 1), rng, 1.0, 3)
        far, angle = u * ragged * (1 - 0.25 * v**2), spread * v * u ** (skew - 1)
        creases = 0.04 * u * np.sin(float(rng.uniform(8, 22)) * v + rng.uniform(0, 6))
        wave = 0.1 * u**2 * np.sin(float(rng.uniform(2, 5)) * v + rng.uniform(0, 6))
        height = creases + wave + float(rng.uniform(-0.1, 0.35)) * u**2
        fan = _sheet(height, far * np.cos(angle), far * np.sin(angle)).scaled(size * float(rng.uniform(0.7, 1.2)))
        turn = rotation((0, 0, 1), k * float(rng.uniform(0.8, 2.6))) @ rotation((0, 1, 0), float(rng.normal(0, 0.2)))
        fans.append(fan.moved(turn))
    colors = [
        (0.78, 0.72, 0.56),
        (0.8, 0.78, 0.72),
        (0.72, 0.62, 0.36),
        (0.6, 0.34, 0.3),
        (0.42, 0.3, 0.4),
        (0.4, 0.24, 0.1),
        (0.3, 0.34, 0.16),
    ]
    return (_other(_lain(merge(fans)), _dull(rng, colors[int(rng.integers(len(colors)))], 0.25)),)


def dry_leaf(rng: np.random.Generator, size: float) -> Parts:
    """Return a leaf with its rib, green or dry."""
    mesh = _blade(rng, 1.6 * size, float(rng.uniform(0.15, 0.4)), float(rng.uniform(0, 1.2)))
    colors = [(0.08, 0.2, 0.05), (0.2, 0.3, 0.12), (0.4, 0.2, 0.06), (0.45, 0.32, 0.12), (0.25, 0.32, 0.3)]
    rib = mesh.points.reshape(20, 11, 3)[:, 5] + [0, 0, 0.012 * size]
    stalk = tube(np.vstack([rib[:1] - [0.3 * size, 0, 0], rib]), 0.018 * size, circle(6))
    return (_other(merge([mesh, stalk]), _dull(rng, colors[int(rng.integers(len(colors)))], 0.3)),)


def sprig(rng: np.random.Generator, size: float) -> Parts:
    """Return a stem with small leaves or grains on both sides."""
    knots = np.stack([np.linspace(0, 3, 5), np.cumsum(rng.normal(0, 0.25, 5)), np.full(5, 0.12)], 1) * size
    stem = spline(knots, 60)
    small = float(rng.uniform(0.25, 0.6)) * size
    count = int(rng.integers(6, 18))
    blades = []
    for k in range(count):
        at = stem[8 + int(50 * k / count)]
        angle = (1 if k % 2 else -1) * float(rng.uniform(0.5, 1.2))
        turn = rotation((0, 0, 1), angle) @ rotation((0, 1, 0), -float(rng.uniform(0, 0.5)))
        blades.append(_blade(rng, small, float(rng.uniform(0.2, 0.35)), 0.3).moved(turn, at))
    rod = tube(stem, np.linspace(0.05, 0.02, 60) * size, circle(6))
    colors = [(0.1, 0.2, 0.08), (0.3, 0.36, 0.3), (0.5, 0.4, 0.2), (0.35, 0.22, 0.4)]
    return (_other(_lain(merge([rod, *blades])), _dull(rng, colors[int(rng.integers(4))], 0.3)),)


def blossom(rng: np.random.Generator, size: float) -> Parts:
    """Return a flower head, face up."""
    rows, count = int(rng.integers(1, 4)), int(rng.integers(5, 12))
    blades = []
    for row in range(rows):
        blade = _blade(rng, size * (1 - 0.2 * row), float(rng.uniform(0.2, 0.4)), 0.4)
        for k in range(count):
            turn = rotation((0, 0, 1), 2 * np.pi * (k + 0.5 * row) / count) @ rotation((0, 1, 0), -0.15 - 0.35 * row)
            blades.append(blade.moved(turn, (0, 0, 0.04 * size * row)))
    heart_ = sphere(0.2 * size, 20).scaled(1, 1, 0.5)
    heart_ = heart_.displaced(0.03 * size * noise(heart_.points / size, rng, 30.0, 1))
    return (
        _other(_lain(merge(blades)), _dull(rng, None)),
        _other(heart_.moved(offset=(0, 0, 0.15 * size)), _dull(rng, (0.6, 0.4, 0.05), 0.3)),
    )


def pebble(rng: np.random.Generator, size: float) -> Parts:
    """Return a rounded stone."""
    ball = sphere(size, 40)
    mesh = ball.displaced(0.25 * size * noise(ball.points / size, rng, 1.5, 3)).scaled(1.2, 0.9, 0.6)
    gray = float(rng.uniform(0.05, 0.7))
    made = _dull(rng, (gray, gray * 0.97, gray * 0.92), 0.15)
    return (_other(_lain(mesh), made if rng.random() < 0.6 else replace(made, kind="opaque", roughness=0.3)),)


def driftwood(rng: np.random.Generator, size: float) -> Parts:
    """Return a worn lump of wood or bark."""
    ball = sphere(1.0, 56)
    grain = noise(ball.points * [0.6, 4, 4], rng, 3.0, 2)
    mesh = ball.displaced(0.3 * noise(ball.points, rng, 1.6, 3) + 0.06 * grain).scaled(
        2.6 * size, 0.8 * size, 0.6 * size
    )
    return (_other(_lain(mesh), _dull(rng, (0.36, 0.25, 0.16), 0.35)),)


def thread(rng: np.random.Generator, size: float) -> Parts:
    """Return one loose thread."""
    knots = np.cumsum(rng.normal(0, 0.6, (7, 3)), axis=0) * size
    knots[:, 2] = 0.02
    line = tube(spline(knots, 120), float(rng.uniform(0.006, 0.025)), circle(6))
    return (_other(_lain(line), _dull(rng)),)


def hair(rng: np.random.Generator, size: float) -> Parts:
    """Return a strand of hair or fine fibres that lies across."""
    knots = np.stack([np.linspace(-3, 3, 7), np.cumsum(rng.normal(0, 0.35, 7)), np.full(7, 0.06)], 1) * [1, size, 1]
    strands = []
    for _ in range(int(rng.integers(6, 40))):
        own = knots + rng.normal(0, 0.12 * size, (7, 3)) * [0.3, 1, 0.2] + rng.normal(0, 0.25 * size, 3) * [0, 1, 0]
        own[:, 2] = np.abs(own[:, 2]) + 0.01
        strands.append(tube(spline(own, 60), float(rng.uniform(0.004, 0.009)), circle(4)))
    colors = [(0.02, 0.012, 0.008), (0.1, 0.05, 0.02), (0.35, 0.2, 0.08), (0.4, 0.38, 0.36)]
    color = _near(rng, colors[int(rng.integers(4))], 0.2)
    return (_other(merge(strands), Material("opaque", color, 0.35)),)


def rope(rng: np.random.Generator, size: float) -> Parts:
    """Return twine or rope of two or three strands."""
    knots = np.stack([np.linspace(-2.5, 2.5, 6), np.cumsum(rng.normal(0, 0.5, 6)), np.zeros(6)], 1) * 1.5 * size
    width = size * float(rng.uniform(0.06, 0.25))
    body = links.chain(rng, spline(knots, 300), width, "rope")
    mesh = _lain(body.displaced(0.1 * width * noise(body.points / width, rng, 4.0, 1)))
    return (_other(mesh, _dull(rng, (0.45, 0.34, 0.2) if rng.random() < 0.6 else None, 0.3)),)


def wire(rng: np.random.Generator, size: float) -> Parts:
    """Return a thin hanging wire or display hook that runs off the frame."""
    knots = np.stack([rng.normal(0, 0.4, 5).cumsum(), np.linspace(-1, 4.5, 5), np.linspace(0.1, 1.2, 5)], 1) * [
        size,
        1,
        1,
    ]
    line = tube(spline(knots, 80), float(rng.uniform(0.008, 0.03)), circle(6))
    return (_other(line, _shiny(rng, (0.2, 0.2, 0.2)) if rng.random() < 0.6 else _dull(rng)),)


def fingers(rng: np.random.Generator, size: float) -> Parts:
    """Return a hand or fingers that reach into the photo along -x, tips at the origin."""
    mesh = hand.hand(rng, size=float(rng.uniform(0.5, 1.0)) * max(size, 0.4))
    return (_other(mesh, skin(rng)),)


def ring_cone(rng: np.random.Generator, size: float, radius: float | None = None) -> Parts:
    """Return a display cone on z = 0; `radius`: its half width at z = 0.25."""
    wide = (radius or size) * float(rng.uniform(1.0, 1.06))
    tall = wide * float(rng.uniform(2.5, 5))
    r = np.array([0, 1.12, 1.1, 0.12, 0.08, 0.0]) * wide
    profile = np.stack([r, np.array([0, 0, 0.05 * wide, tall * 0.97, tall, tall])], 1)
    made = _shiny(rng, (0.7, 0.68, 0.64)) if rng.random() < 0.5 else _dull(rng)
    return (_other(lathe(profile, 64), made),)


def bust(rng: np.random.Generator, size: float) -> Parts:
    """Return a neck form for necklaces."""
    z = np.linspace(0, 1, 40)
    half = 0.95 - 0.55 * np.clip((z - 0.25) / 0.4, 0, 1) ** 1.3 + 0.04 * z
    body = lathe(np.stack([np.r_[0, half, 0], np.r_[0, z * 2.2, 2.25]], 1), 64).scaled(1.0, 0.55, 1.0).scaled(2 * size)
    return (_other(body, _dull(rng, (0.02, 0.02, 0.025) if rng.random() < 0.4 else None)),)


def cushion(rng: np.random.Generator, size: float) -> Parts:
    """Return a padded roll or pillow."""
    length = size * float(rng.uniform(1.5, 4))
    x = np.linspace(-1, 1, 40)
    radius = size * 0.5 * np.sqrt(np.clip(1 - np.abs(x) ** 8, 0.001, 1))
    mesh = tube(np.stack([x * length, 0 * x, 0 * x], 1), radius, circle(28))
    mesh = mesh.displaced(0.03 * size * noise(mesh.points / size, rng, 3.0, 2)).scaled(1, float(rng.uniform(1, 2)), 0.8)
    return (_other(_lain(mesh), _dull(rng)),)


def tray(rng: np.random.Generator, size: float, reach: float = 1.6) -> Parts:
    """Return the four walls of an open jewelry box or picture frame about the origin."""
    wall, tall = reach * float(rng.uniform(0.08, 0.35)), float(rng.uniform(0.15, 0.9)) * size
    oblong = float(rng.uniform(1.0, 1.5))
    c = np.array([[-oblong, -1], [oblong, -1], [oblong, 1], [-oblong, 1.0]]) * (reach + wall)
    sides = [np.linspace(a, b, 24, endpoint=False) for a, b in zip(c, np.roll(c, -1, 0), strict=True)]
    path = np.c_[np.concatenate(sides), np.full(96, tall)]
    section = rounded(24, float(rng.uniform(3, 9)), tall, wall)
    made = _dull(rng) if rng.random() < 0.6 else _shiny(rng, (0.3, 0.18, 0.1) if rng.random() < 0.5 else None)
    return (_other(tube(path, 1.0, section, closed=True), made),)


def tweezers(rng: np.random.Generator, size: float) -> Parts:
    """Return tweezers along +x with their tips at the origin."""
    x = np.linspace(0, 7, 40) * max(size, 0.4)
    spread = 0.35 * size * (np.sin(np.pi * np.clip(x / x[-1], 0, 1) * 0.9 + 0.05) - 0.1)
    arms = []
    for side in (-1, 1):
        path = np.stack([x, side * spread, 0.25 * size + 0.05 * x], 1)
        thick = np.interp(x / x[-1], [0, 0.3, 1], [0.25, 1.0, 1.0])
        arms.append(tube(path, thick * 0.3 * size, rounded(12, 4.0, 0.9, 0.22)))
    made = Material("metal", (0.6, 0.6, 0.6), 0.25) if rng.random() < 0.6 else _shiny(rng, (0.05, 0.05, 0.05))
    return (_other(_lain(merge(arms)), made),)


def house_key(rng: np.random.Generator, size: float) -> Parts:
    """Return a door key."""
    teeth = [np.array([[x, -0.1], [x + 0.12, -0.1], [x + 0.06, -0.36]]) for x in np.arange(0.7, 2.2, 0.2)]
    shank = np.array([[0.4, -0.14], [2.35, -0.14], [2.5, 0.0], [2.35, 0.14], [0.4, 0.14]])
    mesh = plate([ellipse(0.62, 0.7, (0, 0)), shank, *teeth], [ellipse(0.14, 0.3, (-0.32, 0))], 0.1, 0.1)
    metal = Material("metal", _near(rng, (0.7, 0.6, 0.4) if rng.random() < 0.4 else (0.6, 0.6, 0.6), 0.1), 0.3)
    return (_other(_lain(mesh.scaled(size)), metal),)


def coin(rng: np.random.Generator, size: float) -> Parts:
    """Return a coin with a milled edge and a worn relief, for scale."""
    r = np.array([0, *np.linspace(0.04, 0.86, 30), 0.9, 0.92, 1.0, 1.0, 0.0])
    z = np.array([0.0, *np.full(30, 0.0), 0.0, 0.025, 0.025, -0.08, -0.08])
    mesh = lathe(np.stack([r, z], 1), 120)
    inside = np.hypot(mesh.points[:, 0], mesh.points[:, 1]) < 0.7
    relief = 0.03 * np.clip(noise(mesh.points, rng, 5.0, 2), 0, 0.6) * inside * (mesh.points[:, 2] > -0.01)
    mesh = mesh.moved(offset=np.stack([0 * relief, 0 * relief, relief], 1))
    color = [(0.75, 0.45, 0.3), (0.7, 0.58, 0.3), (0.62, 0.61, 0.58)][int(rng.integers(3))]
    return (_other(_lain(mesh.scaled(max(size, 0.5))), Material("metal", _near(rng, color, 0.1), 0.35)),)


def paper_clip(rng: np.random.Generator, size: float) -> Parts:
    """Return a paper clip of metal or coloured wire."""
    knots = np.array([[1.0, 0.2], [-0.6, 0.2], [-0.85, 0], [-0.6, -0.2], [0.9, -0.22], [1.15, 0.05], [0.9, 0.33],
                      [-0.8, 0.33], [-1.1, 0.03], [-0.8, -0.33], [0.6, -0.33]])  # fmt: skip
    path = np.c_[knots, np.linspace(0.08, 0.03, len(knots))] * size
    mesh = tube(spline(path, 140), 0.035 * size, circle(6))
    made = Material("metal", (0.6, 0.6, 0.6), 0.2) if rng.random() < 0.5 else _shiny(rng)
    return (_other(_lain(mesh), made),)


def comb(rng: np.random.Generator, size: float) -> Parts:
    """Return a comb."""
    tooth = np.array([[-0.045, 0], [0.045, 0], [0.025, -1.0], [-0.025, -1.0]])
    teeth = [tooth + np.array([x, 0]) for x in np.arange(-1.9, 1.95, 0.15)]
    back = np.array([[-2.05, -0.03], [2.05, -0.03], [2.05, 0.3], [1.7, 0.45], [-1.7, 0.45], [-2.05, 0.3]])
    return (_other(_lain(plate([back, *teeth], [], 0.12, 0.12).scaled(size)), _shiny(rng)),)


def button(rng: np.random.Generator, size: float) -> Parts:
    """Return a sewing button with two or four holes."""
    count = int(rng.choice([2, 4]))
    a = np.arange(count) * 2 * np.pi / count
    holes = [ellipse(0.11, 0.11, (0.25 * np.cos(x), 0.25 * np.sin(x)), 16) for x in a]
    mesh = plate([circle(50)], holes, 0.22, 0.11, 0.3, lambda p: 0.12 * (np.hypot(p[:, 0], p[:, 1]) > 0.75))
    return (_other(_lain(mesh.scaled(0.7 * size)), _shiny(rng)),)


def loose_beads(rng: np.random.Generator, size: float) -> Parts:
    """Return unthreaded beads, seeds or coffee beans scattered about."""
    small, count = size * float(rng.uniform(0.12, 0.35)), int(rng.integers(4, 26))
    spots = np.c_[rng.normal(0, 1.2 * size, (count, 2)), np.full(count, 0.7 * small)]
    turns = np.stack([rotation(rng.normal(size=3), float(rng.uniform(0, 3))) for _ in range(count)])
    unit = torus(0.7, 0.32, 20, 10) if rng.random() < 0.4 else sphere(1.0, 16).scaled(1.3, 1, 0.7)
    return (_other(_lain(instances(unit.scaled(small), turns, spots)), _shiny(rng)),)


def crystals(rng: np.random.Generator, size: float) -> Parts:
    """Return loose glass-like crystals: never worn, since nothing holds them."""
    meshes = []
    for _ in range(int(rng.integers(1, 5))):
        if rng.random() < 0.4:
            unit = gem("round", float(rng.uniform(0.3, 0.6)), 0.9)
        else:
            prism = circle(6) * 0.28
            rows = [np.c_[prism * s, np.full(6, z)] for s, z in ((0.05, -0.9), (1, -0.55), (1, 0.6), (0.05, 1.0))]
            unit = hull(np.concatenate(rows))
        turn = rotation((*rng.normal(size=2), 0.0), 1.5)
        spot = rng.normal(0, 1.2 * size, 2)
        meshes.append(_lain(unit.scaled(size).moved(turn)).moved(offset=(spot[0], spot[1], 0)))
    return (_other(merge(meshes), materials.clear(rng)),)


def shell(rng: np.random.Generator, size: float) -> Parts:
    """Return a scallop or a snail shell."""
    if rng.random() < 0.5:
        u, v = np.meshgrid(np.linspace(0.02, 1, 30), np.linspace(-1, 1, 60), indexing="ij")
        angle = v * 1.15
        dome = 0.45 * np.sin(np.pi * np.clip(u, 0, 1) * 0.9) * (1 - 0.5 * v**2) + 0.03 * u * np.cos(26 * v)
        mesh = _sheet(dome, u * np.sin(angle), u * np.cos(angle)).scaled(1.3 * size)
    else:
        t = np.linspace(0, 5.5 * np.pi, 220)
        r = np.exp(0.13 * (t - t[-1]))
        path = np.stack([r * np.cos(t), r * np.sin(t), 1.2 * (1 - r)], 1) * size
        mesh = tube(path, 0.5 * r * size, circle(18))
    return (
        _other(_lain(mesh), _shiny(rng, (0.75, 0.6, 0.48)) if rng.random() < 0.6 else _dull(rng, (0.7, 0.62, 0.55))),
    )


def feather(rng: np.random.Generator, size: float) -> Parts:
    """Return a soft feather."""
    long = 3.0 * size
    rib = spline(np.stack([np.linspace(0, long, 5), rng.normal(0, 0.08, 5).cumsum() * long, np.full(5, 0.1)], 1), 70)
    wide = size * float(rng.uniform(0.3, 0.55))
    at = np.repeat(np.arange(6, 69), 2)
    sign = np.tile([-1.0, 1.0], len(at) // 2)
    reach = wide * np.sin(np.pi * (at - 5) / 66) ** 0.6 * rng.uniform(0.85, 1.1, len(at))
    lift = rng.uniform(-0.06, 0.2, len(at))
    barb = tube(np.array([[0, 0, 0], [0.4, 0.5, 0.02], [0.7, 1.0, 0]]), 0.035, circle(4))
    axes = np.zeros((len(at), 3, 3))
    axes[:, 0, 0], axes[:, 1, 1], axes[:, 2, 2], axes[:, 2, 1] = reach, sign * reach, reach, lift * reach
    barbs = [tube(rib, 0.018 * size, circle(5)), instances(barb, axes, rib[at])]
    return (_other(_lain(merge(barbs)), _dull(rng)),)


def card(rng: np.random.Generator, size: float) -> Parts:
    """Return a card or tag with lines of print."""
    w, h = 1.6 * size, size * float(rng.uniform(0.7, 1.2))
    sheet = box(w, h, 0.012, 0.1).faceted()
    letter = h * float(rng.uniform(0.05, 0.14))
    ends = []
    for y in np.arange(0.7 * h, -0.7 * h, -letter * float(rng.uniform(2.2, 4))):
        step = letter * np.where(rng.random(400) < 0.18, 2.4, 1.1)
        x = np.cumsum(step) - 0.8 * w
        x = np.repeat(x[x < 0.8 * w], 2)  # two strokes make a letter
        a = rng.uniform(-0.5, 0.5, (len(x), 2)) * letter * [0.7, 1.6] + np.stack([x, 0 * x + y], 1)
        upright = rng.random((len(x), 1)) < 0.5
        b = a + np.where(upright, [0, 0.9], rng.normal(0, 0.5, (len(x), 2))) * letter
        ends.append(np.stack([a, b], 1))
    strokes = np.concatenate(ends)
    along = strokes[:, 1] - strokes[:, 0]
    side = along[:, ::-1] * [-1, 1] / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9) * letter * 0.1
    flat = np.stack([strokes[:, 0] - side, strokes[:, 1] - side, strokes[:, 1] + side, strokes[:, 0] + side], 1)
    first = 4 * np.arange(len(flat))[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    marks = Mesh(np.c_[flat.reshape(-1, 2), np.full(4 * len(flat), 0.016)], first.reshape(-1, 3))
    paper = Material("matte", _near(rng, (0.78, 0.76, 0.72), 0.1), 0.6)
    parts = [_other(sheet, paper)]
    parts.append(_other(marks, Material("matte", _near(rng, (0.03, 0.03, 0.03), 0.5), 0.6)))
    return tuple(replace(p, mesh=p.mesh.moved(offset=(0, 0, 0.02))) for p in parts)


def torn_paper(rng: np.random.Generator, size: float) -> Parts:
    """Return a torn scrap of paper with a curled edge."""
    c = circle(160)
    edge = np.sign(c) * np.abs(c) ** 0.5
    edge = edge * (1 + 0.12 * noise(np.c_[edge, 0 * edge[:, 0]], rng, 4.0, 4))[:, None] * [1.4, 1.0]
    mesh = plate([edge], [], 0.012, 0.12)
    curl = float(rng.uniform(0.05, 0.3)) * np.clip(mesh.points @ rng.normal(size=3), 0, None) ** 2
    mesh = mesh.moved(offset=np.stack([0 * curl, 0 * curl, curl + 0.01 * noise(mesh.points, rng, 4.0, 1)], 1))
    return (_other(_lain(mesh.scaled(1.3 * size)), _dull(rng, (0.72, 0.66, 0.54), 0.2)),)


def cloth(rng: np.random.Generator, size: float) -> Parts:
    """Return a crumpled cloth that lies beside: folds as a height field."""
    n = 90
    x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n), indexing="ij")
    p = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    folds = 1 - np.abs(noise(p, rng, float(rng.uniform(2, 6)), 3)).reshape(n, n)
    rim = np.clip(1.05 - np.maximum(np.abs(x), np.abs(y)) ** 6, 0, 1)
    far = 1 + 0.1 * noise(p, rng, 3.0, 2).reshape(n, n)
    mesh = _sheet(0.25 * folds**3 * rim + 0.01, x * far, y * far).scaled(3.0 * size, 2.4 * size, 2.0 * size)
    made = _dull(rng)
    return (_other(mesh, replace(made, second=None, frequency=0.0) if rng.random() < 0.5 else made),)


def slab(rng: np.random.Generator, size: float) -> Parts:
    """Return a block of wood, stone or card."""
    wide, deep, tall = size * rng.uniform(0.4, 2), size * rng.uniform(0.4, 2), size * rng.uniform(0.1, 0.5)
    return (_other(_lain(box(wide, deep, tall).faceted()), _dull(rng) if rng.random() < 0.6 else _shiny(rng)),)


def pen(rng: np.random.Generator, size: float) -> Parts:
    """Return a pen, brush or pin along x."""
    profile = np.array([[0, 0], [0.03, 0.02], [0.13, 0.5], [0.16, 0.55], [0.16, 5.0], [0.12, 5.05], [0, 5.1]]) * size
    mesh = lathe(profile, 24, smooth=False).moved(np.array([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]]))
    return (_other(_lain(mesh), _shiny(rng)),)


def candle(rng: np.random.Generator, size: float) -> Parts:
    """Return a cup, candle or jar."""
    r = size * float(rng.uniform(0.6, 1.2))
    profile = np.array([[0, 0], [1, 0], [1.02, 1.6], [0.9, 1.62], [0.85, 1.3], [0, 1.28]]) * r
    return (_other(lathe(profile, 56, smooth=False), _dull(rng) if rng.random() < 0.5 else _shiny(rng)),)


def hanger(rng: np.random.Generator, size: float) -> Parts:
    """Return an earring card or stand: a sheet with slots."""
    slots = [capsule(0.03, 0.25, 8) + np.array([x, y]) for x in (-0.5, 0.5) for y in (0.1, 0.5)]
    mesh = plate([np.array([[-1, -1.3], [1, -1.3], [1, 1.0], [0.7, 1.3], [-0.7, 1.3], [-1, 1.0]])], slots, 0.03, 0.2)
    return (_other(_lain(mesh.scaled(size)), _dull(rng, (0.5, 0.4, 0.3) if rng.random() < 0.5 else None)),)


def paper_leaf(rng: np.random.Generator, size: float) -> Parts:
    """Return a flat pressed leaf or paper cut-out."""
    return (_other(_lain(plate([leaf(0.4)], [], 0.02, 0.15).scaled(size)), _dull(rng)),)


# What may lie beside a piece, and how often.
PROPS: dict[str, tuple[Callable[[np.random.Generator, float], Parts], float]] = {
    "twig": (twig, 1.0),
    "petal": (petal, 1.2),
    "dry_leaf": (dry_leaf, 1.2),
    "sprig": (sprig, 0.8),
    "blossom": (blossom, 0.8),
    "pebble": (pebble, 0.8),
    "driftwood": (driftwood, 0.8),
    "thread": (thread, 0.8),
    "hair": (hair, 0.7),
    "rope": (rope, 0.7),
    "wire": (wire, 0.5),
    "fingers": (fingers, 2.0),
    "ring_cone": (ring_cone, 0.3),
    "bust": (bust, 0.4),
    "cushion": (cushion, 0.5),
    "tweezers": (tweezers, 0.5),
    "house_key": (house_key, 0.25),
    "coin": (coin, 0.25),
    "paper_clip": (paper_clip, 0.25),
    "comb": (comb, 0.3),
    "button": (button, 0.3),
    "loose_beads": (loose_beads, 0.8),
    "crystals": (crystals, 0.25),
    "shell": (shell, 0.5),
    "feather": (feather, 0.4),
    "card": (card, 0.9),
    "torn_paper": (torn_paper, 0.5),
    "cloth": (cloth, 0.8),
    "slab": (slab, 0.7),
    "pen": (pen, 0.3),
    "candle": (candle, 0.3),
    "hanger": (hanger, 0.3),
    "paper_leaf": (paper_leaf, 0.3),
}
REACHING = ("fingers", "tweezers")  # they come from outside, their tip at the origin


def hole(piece: Piece) -> tuple[Array, Array, float] | None:
    """Return centre [3], axis [3] and free radius of the opening of a ring, None if there is none."""
    points = np.concatenate([p.mesh.points for p in piece.parts if p.slot == "metal"])
    points = points[:: max(len(points) // 3000, 1)]
    middle = (points.max(0) + points.min(0)) / 2
    for _ in range(3):  # the shank's points lie on a circle; stones above it pull the first guess aside
        values, vectors = np.linalg.eigh(np.cov((points - middle).T))
        axis = vectors[:, int(values.argmin())]
        flat = (points - middle) - ((points - middle) @ axis)[:, None] * axis
        far = np.linalg.norm(flat, axis=1)
        inner = flat[far < np.percentile(far, 60)]
        normal = np.c_[2 * inner @ vectors[:, 1:], np.ones(len(inner))]
        best = np.linalg.lstsq(normal, (inner**2).sum(1), rcond=None)[0]
        middle = middle + vectors[:, 1:] @ best[:2]
    flat = (points - middle) - ((points - middle) @ axis)[:, None] * axis
    free = float(np.linalg.norm(flat, axis=1).min())
    return (middle, axis if axis[2] >= 0 else -axis, free) if free > 0.35 else None


def through(rng: np.random.Generator, piece: Piece) -> Parts:
    """Return a finger, cone or rod that goes through the hole of a ring, or nothing."""
    found = hole(piece)
    if found is None:
        return ()
    middle, axis, free = found
    turn = np.stack([axis, *_across(axis)], 1)
    way = rng.random()
    if abs(axis[2]) > 0.95 and way < 0.6:
        tall = free * float(rng.uniform(2.5, 5))
        r = free * (0.97 + float(rng.uniform(0.05, 0.3)) * middle[2] / free)
        profile = np.array([[0, 0], [r, 0], [0.08 * r, tall], [0.05 * r, 1.02 * tall], [0, 1.02 * tall]])
        fit = free * 0.97 / np.interp(middle[2], [0, tall], [r, 0.08 * r])
        profile[:, 0] *= min(fit, 1.3)
        made = _shiny(rng, (0.7, 0.68, 0.64)) if rng.random() < 0.5 else _dull(rng)
        return (_other(lathe(profile, 64).moved(offset=(middle[0], middle[1], 0)), made),)
    if way < 0.8:
        length = free * float(rng.uniform(5, 8))
        rod = hand.finger(rng, free * 0.93, length)
        steep = abs(axis[2]) > 0.7  # seen from above it would hide the ring, so its tip ends soon
        beyond = free * float(rng.uniform(0.8, 2.0)) if steep else length * float(rng.uniform(0.4, 0.7))
        start = middle - axis * (length - beyond)
        rod = rod.moved(turn * [1.0, 0.98, 0.98], start)
        return (_other(rod, skin(rng)),)
    beyond = free * float(rng.uniform(0.5, 2.5)) if abs(axis[2]) > 0.7 else 6.0
    line = np.stack([middle - 6 * axis, middle, middle + beyond * axis])
    rod = tube(line, free * float(rng.uniform(0.3, 0.9)), circle(40))
    return (_other(rod, _dull(rng) if rng.random() < 0.6 else _shiny(rng)),)


def _across(axis: Array) -> tuple[Array, Array]:
    """Return two directions at right angles to `axis`."""
    y = np.cross(axis, [0, 0, 1.0] if abs(axis[2]) < 0.9 else [0, 1.0, 0])
    y /= np.linalg.norm(y)
    return y, np.cross(axis, y)


def around(rng: np.random.Generator, piece: Piece) -> Parts:
    """Return what encloses the piece: a tray or frame, or the two rolls of a ring cushion."""
    low, high = piece.points().min(0), piece.points().max(0)
    reach = float(max(abs(low[:2]).max(), high[:2].max()))
    if rng.random() < 0.65:
        return tray(rng, 0.5, reach * float(rng.uniform(1.05, 1.7)))
    made = _dull(rng)
    parts = []
    for side, edge in ((-1, low[1]), (1, high[1])):
        (roll,) = cushion(rng, float(rng.uniform(0.5, 1.0)))
        wide = float(roll.mesh.points[:, 1].max())
        parts.append(_other(roll.mesh.moved(offset=(0, edge + side * (wide - 0.05), 0)), made))
    return tuple(parts)


def _same(parts: Parts, first: Parts) -> Parts:
    """Give `parts` the materials of the first copy, so that few materials make up a scene."""
    return tuple(replace(p, material=first[i % len(first)].material) for i, p in enumerate(parts))


def _from_above(piece: Piece) -> tuple[float, cKDTree]:
    """Return how far a piece reaches from the origin, and its points [N, 2], as seen from above."""
    points = piece.points()[:, :2]
    points = points[:: max(len(points) // 1500, 1)]
    return float(np.abs(points).max()), cKDTree(points)


def clutter(rng: np.random.Generator, piece: Piece) -> Parts:
    """Draw props beside the piece, a few in front of it, through it or around it."""
    if rng.random() < 0.42:
        return ()
    made: list[Part] = []
    if piece.family in RINGS and rng.random() < 0.3:
        made += through(rng, piece)
    elif rng.random() < 0.08:
        made += around(rng, piece)
    if made and rng.random() < 0.6:
        return tuple(made)
    reach, tree = _from_above(piece)
    chances = np.array([weight for _, weight in PROPS.values()])
    kinds = int(rng.choice([1, 2, 3], p=[0.65, 0.27, 0.08]))
    for name in rng.choice(list(PROPS), kinds, replace=False, p=chances / chances.sum()):
        first: Parts = ()
        large = name in ("fingers", "bust", "tray", "cloth", "hair", "wire", "tweezers", "comb", "candle", "card")
        for _ in range(1 if large else int(rng.integers(1, 6))):
            size = float(rng.uniform(0.15, 0.7))
            parts = PROPS[name][0](rng, size)
            first = first or parts
            parts = _same(parts, first)
            often = 0.12 if name in ("fingers", "hair", "thread", "wire", "tweezers", "petal") else 0.03
            made += _placed(rng, parts, size, tree, reach, often, name in REACHING)
    return tuple(made)


def _placed(
    rng: np.random.Generator, parts: Parts, size: float, tree: cKDTree, reach: float, often: float, reaching: bool
) -> Parts:
    """Turn and move `parts` to where they lie beside the piece, or with probability `often` partly over it.

    tree: the piece's points seen from above; reach: how far they go from the origin; reaching: from outside towards
    the piece. Nothing if no free place was found.
    """
    own = np.concatenate([p.mesh.points for p in parts])[:, :2]
    own = own[:: max(len(own) // 300, 1)]
    in_front = rng.random() < often
    for attempt in range(20):
        angle = float(rng.uniform(0, 2 * np.pi))
        turn = rotation((0, 0, 1), angle)
        if reaching:
            side = np.array([np.cos(angle), np.sin(angle)])
            at = side * reach * float(rng.uniform(0.3, 1.1))
        else:
            at = rng.uniform(-1.3, 1.3, 2) * (reach + size)
        spot = own @ turn[:2, :2].T + at
        gap = tree.query(spot[::3])[0].min()
        if gap > 0.06 or (in_front and attempt > 2):
            rise = 0.0 if gap > 0.06 else float(rng.uniform(0.0, 0.8))
            return tuple(replace(p, mesh=p.mesh.moved(turn, (at[0], at[1], rise))) for p in parts)
    return ()


def strewn(rng: np.random.Generator, piece: Piece) -> Parts:
    """Return dried petals or leaves strewn about the piece, some over it: what stylists lay beside handmade things."""
    reach, tree = _from_above(piece)
    kind = dried_petals if rng.random() < 0.7 else (petal, dry_leaf, paper_leaf)[int(rng.integers(3))]
    made: list[Part] = []
    first: Parts = ()
    for _ in range(int(rng.integers(2, 8))):
        size = float(rng.uniform(0.15, 0.6))
        parts = kind(rng, size)
        first = first or parts
        made += _placed(rng, _same(parts, first), size, tree, reach, 0.3, False)
    return tuple(made)
