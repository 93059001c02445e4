"""Crocheted or knotted bead bracelet or collar: stitches of thin metal thread or yarn carry beads of several kinds."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import Array, Mesh, circle, frames, instances, merge, resample, sphere, spline, torus, tube
from training.geometry import box as block
from training.piece import Part, Piece
from training.pieces.drops import bead


def stitches(path: Array, size: float, wire: float) -> Mesh:
    """Return a chain of loops along `path`, each drawn through the one before."""
    knots = resample(path, size * 1.1)
    tangent, normal, binormal = frames(knots)
    t = np.linspace(0, 2 * np.pi, 11)
    flat = np.stack([0.9 * np.cos(t), 0.38 * np.sin(t) * (1.3 - 0.5 * np.cos(t)), 0.25 * np.cos(t)], 1)
    loop = tube(flat * size, wire, circle(5))
    axes = np.stack([tangent, binormal, normal], -1)
    return instances(loop, axes, knots)


def make(rng: np.random.Generator) -> Piece:
    """Draw one crocheted piece of several strands, gathered at caps with a clasp."""
    closed = rng.random() < 0.55
    thread = materials.metal(rng, "silver") if rng.random() < 0.45 else materials.cord(rng)
    slot = "metal" if thread.kind == "metal" else "other"
    kinds = [materials.stone(rng) for _ in range(int(rng.integers(3, 6)))]
    shapes = [bead(rng, 1.0) if rng.random() < 0.45 else sphere(1.0, 14).scaled(1, 0.75, 1) for _ in kinds]
    chances = rng.dirichlet(np.full(len(kinds), 1.5))
    strands, radius = int(rng.integers(3, 9)), float(rng.uniform(0.8, 1.3))
    small, wire = float(rng.uniform(0.035, 0.09)), float(rng.uniform(0.004, 0.014))
    spread = float(rng.uniform(0.08, 0.3))
    span = float(rng.uniform(1.5, 1.75)) * np.pi if closed else float(rng.uniform(0.8, 1.4)) * np.pi
    where: list[list[Array]] = [[] for _ in kinds]
    turn: list[list[Array]] = [[] for _ in kinds]
    loops: list[Mesh] = []
    density = float(rng.uniform(0.25, 0.8))
    for k in range(strands):
        u = np.linspace(-1, 1, 15)
        a = np.pi * 1.5 + u * span / 2
        gather = np.sqrt(np.clip(1 - u**2, 0, 1)) ** 0.7
        shift = ((k + 0.5) / strands - 0.5) * 2 * spread + rng.normal(0, 0.25 * spread, 15)
        r = radius + shift * gather
        z = small * 1.2 + np.abs(rng.normal(0, 0.35 * spread, 15)) * gather
        line = spline(np.stack([r * np.cos(a), r * np.sin(a) * 0.92, z], 1), 500)
        stitch = float(rng.uniform(0.05, 0.08))
        loops.append(stitches(line, stitch, wire))
        if rng.random() < 0.6:
            loops.append(tube(resample(line, 0.04), wire, circle(5)))
        knots = resample(line, small * float(rng.uniform(1.6, 2.4)))
        tangent, normal, binormal = frames(knots)
        axes = np.stack([normal, tangent, binormal], -1)
        which = rng.choice(len(kinds), len(knots), p=chances)
        use = rng.random(len(knots)) < density
        use[[0, -1]] = False
        side = rng.uniform(0, 2 * np.pi, len(knots))
        spots = knots + 0.7 * small * (np.cos(side)[:, None] * binormal + np.abs(np.sin(side))[:, None] * [0, 0, 1])
        for i in range(len(kinds)):
            mine = use & (which == i)
            where[i].append(spots[mine])
            turn[i].append(axes[mine] * (small * rng.uniform(0.75, 1.2, int(mine.sum())))[:, None, None])
    parts = [Part(merge(loops), thread, slot)]
    for i, material in enumerate(kinds):
        at = np.concatenate(where[i])
        if len(at):
            parts.append(Part(instances(shapes[i], np.concatenate(turn[i]), at), material, "stone"))
    metal = thread if slot == "metal" and rng.random() < 0.6 else materials.metal(rng)
    ends = []
    for s in (-1, 1):
        a = np.pi * 1.5 + s * span / 2
        out = np.array([-np.sin(a), np.cos(a), 0]) * s
        at = np.array([radius * np.cos(a), 0.92 * radius * np.sin(a), 0.1])
        axes = np.stack([out, np.cross([0, 0, 1.0], out), [0, 0, 1.0]], 1)
        ends.append(block(0.12, 0.08, 0.07, 0.15).faceted().moved(axes, at + 0.06 * out))
        ends.append(torus(0.05, 0.014, 20, 8).moved(offset=at + 0.22 * out))
        if s > 0:
            ends.append(links.clasp(rng, at + 0.36 * out, 0.09))
        else:
            ends.append(links.chain(rng, np.linspace(at + 0.24 * out, at + 0.7 * out, 30), 0.04, "cable"))
    parts.append(Part(merge(ends), metal, "metal"))
    return poses.lying(rng, Piece("crochet", tuple(parts)), 0.03)
