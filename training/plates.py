"""Sheet metal cut along outlines: unions of closed loops with holes, bevelled edges and relief on the front."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import Delaunay, cKDTree

from training.geometry import Array, Mesh, circle, merge

RASTER = 1400  # pixels along the longer side when asking what is inside


def _split(loop: Array, step: float) -> Array:
    """Add points so that no edge of the closed `loop` [K, 2] is longer than `step`; corners stay."""
    ends = np.roll(loop, -1, 0)
    counts = np.maximum(np.ceil(np.linalg.norm(ends - loop, axis=1) / step).astype(int), 1)
    at = np.concatenate([np.arange(n) / n for n in counts])[:, None]
    return np.repeat(loop, counts, 0) * (1 - at) + np.repeat(ends, counts, 0) * at


class _Inside:
    """Tells whether points lie in the union of `solids` but in none of `holes`."""

    def __init__(self, solids: list[Array], holes: list[Array]) -> None:
        every = np.concatenate(solids)
        self.low = every.min(0) - 0.01
        self.scale = RASTER / float((every.max(0) + 0.01 - self.low).max())
        image = Image.new("1", (RASTER, RASTER))
        pen = ImageDraw.Draw(image)
        for fill, loops in ((1, solids), (0, holes)):
            for loop in loops:
                pen.polygon(((loop - self.low) * self.scale).ravel().tolist(), fill=fill)
        self.pixels = np.asarray(image)

    def __call__(self, points: Array) -> Array:
        at = np.clip(np.round((points - self.low) * self.scale).astype(int), 0, RASTER - 1)
        return self.pixels[at[:, 1], at[:, 0]]


def plate(
    solids: list[Array],
    holes: list[Array] | tuple[Array, ...] = (),
    thick: float = 0.06,
    step: float = 0.04,
    bevel: float = 0.25,
    relief: Callable[[Array], Array] | None = None,
) -> Mesh:
    """Return a sheet about z = 0 of the loops `solids` less `holes`, each [K, 2].

    `step`: longest edge, at most about the narrowest bar; `bevel`: share of the thickness that is cut off the edges;
    `relief`: height [V] to add to the front at points [V, 2].
    """
    inside = _Inside(list(solids), list(holes))
    rim = np.concatenate([_split(np.asarray(loop, float), step) for loop in [*solids, *holes]])
    rim = np.unique(np.round(rim, 5), axis=0)
    low, high = rim.min(0), rim.max(0)
    x, y = np.meshgrid(np.arange(low[0], high[0], step), np.arange(low[1], high[1], step * 0.87))
    x = x + 0.5 * step * (np.arange(len(x)) % 2)[:, None]
    grid = np.stack([x.ravel(), y.ravel()], 1)
    grid = grid[inside(grid)]
    points = np.concatenate([rim, grid[cKDTree(rim).query(grid)[0] > 0.6 * step]]) if len(grid) else rim
    faces = Delaunay(points).simplices.astype(np.int64)
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    faces[area < 0] = faces[area < 0][:, ::-1]
    faces = faces[inside((a + b + c) / 3) & (np.abs(area) > 1e-9)]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    code = edges[:, 0] * len(points) + edges[:, 1]
    edge = edges[~np.isin(code, edges[:, 1] * len(points) + edges[:, 0])]
    along = points[edge[:, 1]] - points[edge[:, 0]]
    out = np.zeros_like(points)
    for k in range(2):
        np.add.at(out, edge[:, k], np.stack([along[:, 1], -along[:, 0]], 1))
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    cut = min(bevel * thick, 0.3 * step)
    inset = points - out * cut
    lift = np.zeros(len(points)) if relief is None else relief(points)
    half = thick / 2
    front = Mesh(np.concatenate([inset, (lift + half)[:, None]], 1), faces)
    back = Mesh(np.concatenate([inset, np.full((len(points), 1), -half)], 1), faces[:, ::-1])
    used, index = np.unique(edge, return_inverse=True)
    index, n = index.reshape(-1, 2), len(used)
    layers = [(inset, lift + half), (points, lift + half - cut), (points, np.full(len(points), cut - half))]
    layers.append((inset, np.full(len(points), -half)))
    wall = np.concatenate([np.concatenate([flat[used], z[used, None]], 1) for flat, z in layers])
    sides = []
    for k in range(3):
        i, j = index[:, 0] + k * n, index[:, 1] + k * n
        sides += [np.stack([i, i + n, j], 1), np.stack([j, i + n, j + n], 1)]
    return merge([front, back, Mesh(wall, np.concatenate(sides))])


def turned(loop: Array, angle: float, offset: Array | tuple[float, float] = (0, 0)) -> Array:
    """Rotate a loop about the origin, then shift it."""
    c, s = np.cos(angle), np.sin(angle)
    return loop @ np.array([[c, s], [-s, c]]) + np.asarray(offset)


def ellipse(width: float, height: float, at: tuple[float, float] = (0, 0), sides: int = 56) -> Array:
    """Return an oval loop."""
    return circle(sides) * [width, height] + np.asarray(at)


def block(width: float, height: float, at: tuple[float, float] = (0, 0)) -> Array:
    """Return a rectangle of half sides `width` and `height`."""
    return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width, height] + np.asarray(at)


def capsule(radius: float, length: float, sides: int = 14) -> Array:
    """Return a bar with round ends from the origin up to (0, length)."""
    a = np.linspace(0, np.pi, sides)
    top = np.stack([np.cos(a) * radius, np.sin(a) * radius + length], 1)
    return np.concatenate([top, np.stack([-np.cos(a) * radius, -np.sin(a) * radius], 1)])


def star(points: int = 5, inner: float = 0.45) -> Array:
    """Return a star, one tip up."""
    a = np.pi / 2 + np.arange(2 * points) * np.pi / points
    return np.stack([np.cos(a), np.sin(a)], 1) * np.where(np.arange(2 * points) % 2, inner, 1.0)[:, None]


def heart(sides: int = 90) -> Array:
    """Return a heart, tip down."""
    t = -np.linspace(0, 2 * np.pi, sides, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, y + 2.5], 1)[::-1] / 17


def moon(open_: float = 0.7, shift: float = 0.4) -> Array:
    """Return a crescent open to the right."""
    a = np.linspace(open_, 2 * np.pi - open_, 60)
    tips = np.array([np.cos(open_), np.sin(open_)])
    radius = float(np.hypot(tips[0] - shift, tips[1]))
    from_, to = 2 * np.pi - np.arctan2(tips[1], tips[0] - shift), np.arctan2(tips[1], tips[0] - shift)
    b = np.linspace(from_, to, 50)[1:-1]
    outer = np.stack([np.cos(a), np.sin(a)], 1)
    return np.concatenate([outer, np.stack([shift + radius * np.cos(b), radius * np.sin(b)], 1)])


def leaf(width: float = 0.4, skew: float = 1.0, sides: int = 40) -> Array:
    """Return a pointed leaf from (0, -1) to (0, 1)."""
    u = np.linspace(0, 1, sides)
    wide = width * np.sin(np.pi * u**skew)
    right = np.stack([wide, 2 * u - 1], 1)
    return np.concatenate([right, (right * [-1, 1])[-2:0:-1]])


def drop(sharp: float = 1.3, width: float = 0.75, sides: int = 72) -> Array:
    """Return a drop, tip up."""
    t = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    return np.stack([width * np.cos(t) * (0.5 - 0.5 * np.sin(t)) ** (sharp / 2) * 1.25, np.sin(t)], 1)
