"""Openwork cut out of sheet: rows of holes, slots, cells, scales, petals or figures within a solid rim."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from training import links, materials, mounts, poses
from training.geometry import Array, circle, merge, torus, tube
from training.piece import Part, Piece
from training.pieces.charms import figure
from training.pieces.drops import hook
from training.pieces.pendant import hung
from training.plates import drop, ellipse, heart, leaf, plate, star, turned


def outline(rng: np.random.Generator) -> Array:
    """Return the closed frame of an openwork pendant within about [-1, 1]."""
    kinds = ["disc", "oval", "drop", "heart", "leaf", "square", "hexagon"]
    kind = rng.choice(kinds, p=[0.3, 0.15, 0.2, 0.1, 0.1, 0.1, 0.05])
    if kind == "disc":
        return ellipse(1.0, 1.0, sides=110)
    if kind == "oval":
        return ellipse(float(rng.uniform(0.55, 0.85)), 1.0, sides=110)
    if kind == "drop":
        return drop(float(rng.uniform(0.8, 1.4)), float(rng.uniform(0.6, 0.85)), 110)
    if kind == "heart":
        return heart(110)
    if kind == "leaf":
        return leaf(float(rng.uniform(0.5, 0.75)), 1.0, 60)
    if kind == "square":
        c = circle(100)
        return turned(np.sign(c) * np.abs(c) ** 0.35 * 0.85, float(rng.choice([0, np.pi / 4])))
    return turned(circle(6), np.pi / 2)


def _cells(rng: np.random.Generator, frame: Array, bar: float) -> list[Array]:
    """Return the shrunk cells of scattered points: a net of bars of about equal width."""
    count = int(rng.integers(14, 70))
    points = rng.uniform(-1.05, 1.05, (count, 2))
    for _ in range(2):
        samples = rng.uniform(-1.05, 1.05, (1500, 2))
        owner = cKDTree(points).query(samples)[1]
        points = np.array([samples[owner == k].mean(0) if (owner == k).any() else points[k] for k in range(count)])
    far = np.concatenate([points, points * 0 + [9, 9], [[9, -9], [-9, 9], [-9, -9]]])
    far = np.unique(far, axis=0)
    cells = Voronoi(far)
    holes = []
    for region in cells.point_region:
        corners = cells.regions[region]
        if -1 in corners or len(corners) < 3:
            continue
        loop = cells.vertices[corners]
        if np.abs(loop).max() > 1.6:
            continue
        middle = loop.mean(0)
        loop = loop[np.argsort(np.arctan2(*(loop - middle).T[::-1]))]
        reach = np.linalg.norm(loop - middle, axis=1).mean()
        small = middle + (loop - middle) * max(1 - bar / reach, 0.2)
        for _ in range(2):  # round the corners
            after = np.roll(small, -1, 0)
            small = np.stack([0.75 * small + 0.25 * after, 0.25 * small + 0.75 * after], 1).reshape(-1, 2)
        holes.append(small)
    return holes


def _within(loop: Array, frame: Array, margin: float) -> bool:
    """Tell whether `loop` keeps `margin` from the frame on its inner side."""
    from_ = np.arctan2(*(frame - frame.mean(0)).T[::-1])
    order = np.argsort(from_)
    far = np.linalg.norm(frame - frame.mean(0), axis=1)[order]
    at = np.arctan2(*(loop - frame.mean(0)).T[::-1])
    limit = np.interp(at, from_[order], far, period=2 * np.pi)
    near = cKDTree(frame).query(loop)[0].min()
    return bool((np.linalg.norm(loop - frame.mean(0), axis=1) < limit).all() and near > margin)


def pattern(rng: np.random.Generator, frame: Array, bar: float) -> list[Array]:
    """Return the holes that fit into `frame`, `bar` apart from it and from each other."""
    kind = rng.choice(["cells", "grid", "slots", "rings", "petals", "figures", "scales"])
    holes: list[Array] = []
    if kind == "cells":
        holes = _cells(rng, frame, bar)
    elif kind in ("grid", "figures", "scales"):
        pitch = float(rng.uniform(0.14, 0.4))
        unit = {"grid": circle(18), "scales": drop(1.2, 0.8, 24), "figures": star(4, 0.5)}[str(kind)]
        if kind == "figures":
            unit = [star(5, 0.5), heart(30), leaf(0.5, 1, 12), circle(6), turned(circle(4), 0.0)][int(rng.integers(5))]
        rows = np.arange(-1.2, 1.2, pitch * 0.87)
        for i, y in enumerate(rows):
            for x in np.arange(-1.2, 1.2, pitch) + (pitch / 2 if i % 2 else 0):
                holes.append(unit * max(pitch / 2 - bar / 2, 0.03) + [x, y])
    elif kind == "slots":
        angle, pitch = float(rng.choice([0, np.pi / 4, np.pi / 2])), float(rng.uniform(0.1, 0.25))
        long = float(rng.uniform(0.15, 0.5))
        for i, y in enumerate(np.arange(-1.3, 1.3, pitch)):
            for x in np.arange(-1.5, 1.5, 2 * long + bar) + (long if i % 2 else 0):
                holes.append(turned(ellipse(long - bar / 2, pitch / 2 - bar / 2, (x, y), 24), angle))
    else:
        at = float(rng.uniform(0.12, 0.3))
        if rng.random() < 0.5:
            holes.append(circle(30) * (at - bar))
        while at < 1:
            deep = float(rng.uniform(0.14, 0.32))
            count = max(int(2 * np.pi * (at + deep / 2) / float(rng.uniform(0.16, 0.4))), 5)
            wide = np.pi * (at + deep * 0.5) / count - bar / 2
            unit = (
                ellipse(wide, deep / 2 - bar / 2, (0, at + deep / 2), 24)
                if kind == "rings"
                else leaf(wide / (deep / 2), 1.0, 16) * (deep / 2 - bar / 3) + [0, at + deep / 2]
            )
            holes += [turned(unit, 2 * np.pi * k / count) for k in range(count)]
            at += deep
    holes = [hole for hole in holes if np.ptp(hole, 0).min() > 0.02 and _within(hole, frame, bar)]
    return holes if len(holes) > 4 else pattern(rng, frame, 0.7 * bar)


def make(rng: np.random.Generator) -> Piece:
    """Draw one pierced pendant, a pair of pierced earrings or a loose piece."""
    metal = materials.metal(rng)
    bar = float(np.exp(rng.uniform(np.log(0.025), np.log(0.12))))
    if rng.random() < 0.12:
        solids, holes = figure(rng, "hand")
        frame = solids[0]
    else:
        frame = outline(rng)
        solids, holes = [frame], pattern(rng, frame, bar)
    sheet = plate(solids, holes, float(rng.uniform(0.03, 0.09)), max(min(bar, 0.06), 0.028), 0.3)
    dome = float(rng.choice([0.0, rng.uniform(-0.3, 0.3)]))
    z = dome * (sheet.points[:, :2] ** 2).sum(1)
    sheet = sheet.moved(offset=np.stack([0 * z, 0 * z, z], 1))
    top = float(sheet.points[np.abs(sheet.points[:, 0]) < 0.1, 1].max())
    work = [sheet, torus(0.1, 0.025, 28, 8).moved(offset=(0, top + 0.07, dome * top**2))]
    if rng.random() < 0.3:
        edge = np.c_[frame, dome * (frame**2).sum(1)]
        if len(solids) == 1:
            work.append(tube(edge, float(rng.uniform(0.03, 0.06)), circle(8), closed=True))
    parts = [Part(merge(work), metal, "metal")]
    if rng.random() < 0.25 and len(solids) == 1:
        at = frame.mean(0)
        stone = mounts.cabochon_set(rng, float(rng.uniform(0.1, 0.3)), metal, materials.stone(rng))
        parts += mounts.shifted(stone, (at[0], at[1], dome * float((at**2).sum()) + 0.08))
    low = min(float(p.mesh.points[:, 2].min()) for p in parts)
    parts = mounts.shifted(parts, (0, 0, -low))
    way = rng.random()
    if way < 0.4:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.5, 2.4)))
        made = hung(rng, parts, top + 0.16, metal, path, float(rng.uniform(0.02, 0.05)))
        return poses.lying(rng, Piece("pierced_plate", tuple(made)).sized(1.5), 0.03)
    if way < 0.7:
        one = Piece("pierced_plate", (*parts, Part(hook(rng, 0.03).moved(offset=(0, top + 0.2, 0)), metal, "metal")))
        gap = float(rng.uniform(1.9, 2.8))
        both = poses.beside([one.rested()] * 2, gap, 0.1)
        return poses.turned(rng, Piece("pierced_plate", both).sized(1.4))
    return poses.lying(rng, Piece("pierced_plate", tuple(parts)), 0.6)
