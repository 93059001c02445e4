"""Clusters: stones of several cuts in rounds, as a flower, a fan or a sunburst; a ring, studs or a pendant."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Mesh, circle, gem, merge, ring_path, rounded, sphere, tube
from training.piece import Material, Part, Piece
from training.pieces.pendant import hung


def head(rng: np.random.Generator, metal: Material) -> list[Part]:
    """Return a cluster of radius about 1 about the origin, table towards +z, claws and gallery wires below."""
    first = materials.stone(rng)
    parts: list[Part] = []
    work: list[Mesh] = []
    dome = float(rng.uniform(0.0, 0.45))
    inner = float(rng.uniform(0.16, 0.4))
    parts += mounts.claw_set(rng, inner, metal, first)
    edge = inner
    while edge < 0.9:
        deep = float(rng.uniform(0.14, 0.42))
        deep = min(deep, 1.05 - edge)
        if deep < 0.1:
            break
        middle = edge + deep / 2 + 0.02
        cut = str(rng.choice(["round", "marquise", "pear", "emerald", "oval"]))
        slim = {"round": 1.0, "marquise": 0.5, "pear": 0.7, "emerald": 0.6, "oval": 0.72}[cut]
        stretch = float(rng.uniform(0.8, 1.1)) if cut != "round" else 1.0
        count = max(int(2 * np.pi * middle / (deep * slim * float(rng.uniform(1.02, 1.5)))), 4)
        material = first if rng.random() < 0.4 else materials.stone(rng)
        drop = -dome * middle**2
        stones, claws = [], []
        for angle in np.arange(count) * 2 * np.pi / count + float(rng.choice([0, np.pi / count])):
            c, s = np.cos(angle), np.sin(angle)
            stone = gem(cut, 1.0).scaled(deep / 2 * stretch, deep / 2, 0.3 * deep)
            turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
            tilt = float(np.arctan(2 * dome * middle))
            lean = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
            stones.append(stone.moved(turn @ lean, (middle * c, middle * s, drop)))
            for far in (edge + 0.01, edge + deep + 0.02):
                for side in (-0.3, 0.3):
                    a = angle + side * slim * deep / far
                    claws.append(sphere(0.018, 8).moved(offset=(far * np.cos(a), far * np.sin(a), drop + 0.05 * deep)))
        parts.append(Part(merge(stones), material, "stone"))
        work += claws
        for far in (edge + 0.05 * deep, edge + 0.95 * deep):
            path = ring_path(far, 64) + np.array([0, 0, drop - 0.12 * deep])
            work.append(tube(path, float(rng.uniform(0.012, 0.025)), circle(8), closed=True))
        spokes = np.arange(count) * 2 * np.pi / count
        for a in spokes:
            ends = np.array([[f * np.cos(a), f * np.sin(a), drop - 0.14 * deep] for f in (edge, edge + deep)])
            work.append(tube(ends, 0.014, circle(6)))
        edge += deep + 0.03
    parts.append(Part(merge(work), metal, "metal"))
    return parts


def worn(rng: np.random.Generator, family: str, head: list[Part], metal: Material) -> Piece:
    """Make a `head` of radius about 1 the top of a ring, a pair of studs, or a pendant on a chain."""
    way = rng.random()
    if way < 0.45:
        size = float(rng.uniform(0.4, 0.9))
        head = [Part(p.mesh.scaled(size), p.material, p.slot) for p in head]
        section = rounded(16, float(rng.uniform(2, 5)), float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.04, 0.09)))
        up = np.array([0.0, 1.0, 0.0])
        parts = [Part(tube(ring_path(1.0), 1.0, section, closed=True), metal, "metal")]
        parts += mounts.placed(head, up, up * (1.1 + 0.3 * size))
        return poses.ring(rng, Piece(family, tuple(parts)).sized(1.3))
    if way < 0.75:
        post = tube(np.array([[0, 0, -0.1], [0, 0, -0.9]]), 0.05, circle(8))
        one = Piece(family, (*head, Part(post, metal, "metal")))
        pair = [poses.lying(rng, one, float(rng.choice([0.2, 1.4]))).rested() for _ in range(2)]
        gap = float(rng.uniform(2.1, 2.8))
        both = poses.beside(pair, gap, 0.2)
        return poses.turned(rng, Piece(family, both).sized(float(rng.uniform(1.0, 1.5))))
    radius = float(rng.uniform(0.25, 0.6))
    head = [Part(p.mesh.scaled(radius), p.material, p.slot) for p in head]
    path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.2, 2.0)))
    parts = hung(
        rng, mounts.shifted(head, (0, 0, 0.3 * radius)), radius * 1.1, metal, path, float(rng.uniform(0.015, 0.05))
    )
    return poses.lying(rng, Piece(family, tuple(parts)), 0.03)


def make(rng: np.random.Generator) -> Piece:
    """Draw a cluster ring, a pair of cluster studs, or a cluster on a chain."""
    metal = materials.metal(rng)
    return worn(rng, "cluster", head(rng, metal), metal)
