"""Findings as makers sell them: lobster, toggle and box clasps, jump rings, watch-band links; a few or a handful."""

from __future__ import annotations

import numpy as np

from training import links, materials, poses
from training.geometry import Mesh, box, circle, merge, tube
from training.piece import Part, Piece


def band(rng: np.random.Generator) -> list[Mesh]:
    """Return rows of a watch band along x: outer and centre links and a folded buckle."""
    rows, wide, long = int(rng.integers(5, 14)), float(rng.uniform(0.3, 0.55)), float(rng.uniform(0.12, 0.2))
    columns = int(rng.choice([1, 3, 5], p=[0.2, 0.5, 0.3]))
    bow = float(rng.uniform(0, 0.5)) / rows
    meshes, at, angle = [], np.zeros(3), -0.5 * bow * rows
    for _ in range(rows):
        c, s = np.cos(angle), np.sin(angle)
        axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        for k in range(columns):
            y = (k - (columns - 1) / 2) * 2 * wide / columns
            shift = long if k % 2 else 0.0
            unit = box(long * 0.94, wide / columns * 0.95, 0.09, float(rng.choice([0.15]))).faceted()
            meshes.append(unit.moved(axes, at + axes @ [shift, y, 0]))
        at = at + axes @ [2 * long, 0, 0]
        angle += bow
    if rng.random() < 0.6:
        clip = box(0.35, wide * 1.05, 0.05, 0.3).faceted()
        meshes.append(clip.moved(axes, at + axes @ [0.15, 0, 0.02]))
        meshes.append(box(0.08, wide * 0.5, 0.1, 0.3).faceted().moved(axes, at + axes @ [0.42, 0, 0.02]))
    return meshes


def make(rng: np.random.Generator) -> Piece:
    """Draw clasps with some links on, scattered jump rings or a length of watch band."""
    metal = materials.metal(rng)
    way = rng.random()
    if way < 0.25:
        second = materials.metal(rng)
        meshes = band(rng)
        if rng.random() < 0.35:  # two metals: every third element
            parts = [
                Part(merge(meshes[::3]), second, "metal"),
                Part(merge(meshes[1::3] + meshes[2::3]), metal, "metal"),
            ]
        else:
            parts = [Part(merge(meshes), metal, "metal")]
        return poses.lying(rng, Piece("clasps", tuple(parts)).sized(float(rng.uniform(1.0, 1.8))), 0.05)
    work: list[Mesh] = []
    if way < 0.5:
        radius = float(rng.uniform(0.12, 0.4))
        thick = radius * float(rng.uniform(0.08, 0.25))
        for _ in range(int(rng.integers(5, 40))):
            ring = Piece("", (Part(links.jump_ring(rng, radius, thick), metal, "metal"),))
            laid = poses.lying(rng, ring, float(rng.choice([0.1, 1.2]))).rested()
            spot = rng.normal(0, 0.65, 2)
            work.append(laid.parts[0].mesh.moved(offset=(spot[0], spot[1], float(rng.uniform(0, 0.3 * thick)))))
        return Piece("clasps", (Part(merge(work), metal, "metal"),)).sized(float(rng.uniform(0.9, 1.6)))
    count = int(rng.integers(1, 5))
    maker = [links.lobster, links.toggle, links.box_clasp][int(rng.integers(3))]
    parts = []
    for k in range(count):
        own = maker if rng.random() < 0.7 else [links.lobster, links.toggle, links.box_clasp][int(rng.integers(3))]
        size = float(rng.uniform(0.25, 0.45))
        clasp = own(size)
        meshes = [clasp]
        left, right = float(clasp.points[:, 0].min()), float(clasp.points[:, 0].max())
        if rng.random() < 0.75:
            width = size * float(rng.uniform(0.2, 0.45))
            for side, start in ((-1, left + 0.2 * size), (1, right - 0.2 * size)):
                if side > 0 and own is links.lobster:
                    continue
                bend = rng.normal(0, 0.25, 5).cumsum() * 0.3
                path = np.stack([start + side * np.linspace(0, 1.3, 5), bend - bend[0], np.zeros(5)], 1)
                line = np.stack([np.interp(np.linspace(0, 4, 60), np.arange(5), path[:, i]) for i in range(3)], 1)
                meshes.append(links.chain(rng, line, width))
        if rng.random() < 0.3:
            tag = tube(np.array([[left - 0.1, 0.3 * size, 0], [left - 0.3, 0.9 * size, 0.02]]), 0.02, circle(8))
            meshes.append(tag)
        one = Piece("", (Part(merge(meshes), metal if rng.random() < 0.8 else materials.metal(rng), "metal"),))
        laid = poses.lying(rng, one, 0.05).rested() if rng.random() < 0.5 else one.rested()
        parts += laid.moved(offset=(rng.normal(0, 0.2), k * 1.6 * 0.8, 0)).parts
    return poses.turned(rng, Piece("clasps", tuple(parts)).sized(float(rng.uniform(0.8, 1.5))))
