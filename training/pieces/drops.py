"""Earrings on ear wires: beads, stones, discs or leaves in a row below a hook; also studs."""

from __future__ import annotations

import numpy as np

from training import materials, mounts, poses
from training.geometry import Mesh, cabochon, circle, gem, lathe, merge, noise, sphere, spline, torus, tube
from training.piece import Part, Piece


def hook(rng: np.random.Generator, wire: float) -> Mesh:
    """Return an ear wire above the origin with its eye at the origin."""
    tall, back = rng.uniform(0.45, 0.8), rng.uniform(0.3, 0.6)
    knots = [[0, 0.06, 0], [0.02, 0.3, 0], [0.12, tall, 0], [back * 0.6, tall + 0.1, 0], [back, tall - 0.2, 0]]
    knots += [[back + 0.05, 0.1, 0], [back + rng.uniform(0.05, 0.3), rng.uniform(-0.4, 0.0), 0]]
    return merge([tube(spline(np.array(knots), 90), wire, circle(8)), torus(0.06, wire, 24, 8)])


def bead(rng: np.random.Generator, radius: float) -> Mesh:
    """Return one bead about the origin: round, rondelle, faceted, barrel, nugget, drop or long oval."""
    kind = rng.choice(["round", "rondelle", "faceted", "barrel", "nugget", "drop", "oval"])
    if kind == "round":
        return sphere(radius, 28)
    if kind == "rondelle":
        return sphere(radius, 28).scaled(1, rng.uniform(0.4, 0.7), 1)
    if kind == "faceted":
        stone = gem("round", radius, 1.1)
        turned = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
        return stone.moved(turned, (0, 0.2 * radius, 0)).scaled(1, rng.uniform(1.0, 1.4), 1)
    if kind == "barrel":
        y = np.linspace(-1, 1, 13)
        profile = np.stack([radius * (0.62 + 0.38 * (1 - y**2)), y * radius * 1.2], 1)
        ends = np.array([[0.0, profile[0, 1]]]), np.array([[0.0, profile[-1, 1]]])
        solid = lathe(np.concatenate([ends[0], profile, ends[1]]), 32)
        return solid.moved(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]))
    if kind == "nugget":
        ball = sphere(radius, 36)
        return ball.displaced(0.25 * radius * noise(ball.points / radius, rng, 2.2, 2)).scaled(
            1, rng.uniform(0.7, 1.5), 0.8
        )
    if kind == "drop":
        t = np.linspace(-np.pi / 2, np.pi / 2, 20)
        profile = np.stack([radius * np.cos(t) * (1 - 0.55 * (np.sin(t) + 1) / 2), np.sin(t) * radius * 1.5], 1)
        return lathe(profile, 32).moved(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    return sphere(radius, 32).scaled(1, rng.uniform(1.3, 1.9), rng.uniform(0.35, 0.8))


def column(rng: np.random.Generator, wire: float) -> list[tuple[Mesh, str, int]]:
    """Return what hangs below an eye at the origin: mesh, slot, index of material."""
    y, made = -0.08, []
    for i in range(int(rng.choice([1, 2, 3, 4, 6], p=[0.25, 0.25, 0.25, 0.15, 0.1]))):
        if rng.random() < 0.2:
            r = float(rng.uniform(0.03, 0.08))
            made.append((torus(r, r * 0.35, 24, 8).moved(offset=(0, y - r, 0)), "metal", 0))
            y -= 2 * r
            continue
        mesh = bead(rng, float(rng.uniform(0.08, 0.32)))
        half = (mesh.points[:, 1].max() - mesh.points[:, 1].min()) / 2
        middle = (mesh.points[:, 1].max() + mesh.points[:, 1].min()) / 2
        made.append((mesh.moved(offset=(0, y - half - middle, 0)), "stone", i % 3))
        y -= 2 * half
        if rng.random() < 0.5:
            made.append(
                (
                    torus(0.05, 0.02, 20, 8).moved(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), (0, y - 0.02, 0)),
                    "metal",
                    0,
                )
            )
            y -= 0.04
    line = np.array([[0, 0, 0], [0, y / 2, 0], [0, y, 0]])
    made.append((tube(line, wire, circle(8)), "metal", 0))
    made.append((sphere(wire * 1.8, 10).moved(offset=(0, y, 0)), "metal", 0))
    return made


def make(rng: np.random.Generator) -> Piece:
    """Draw a pair of drop earrings, or studs."""
    metal = materials.metal(rng)
    wire = float(rng.uniform(0.012, 0.035))
    stones = [materials.stone(rng) for _ in range(3)]
    parts: list[Part] = []
    if rng.random() < 0.2:
        radius = float(rng.uniform(0.3, 0.6))
        head = (
            mounts.claw_set(rng, radius, metal, stones[0])
            if rng.random() < 0.5
            else mounts.cabochon_set(rng, radius, metal, stones[0])
        )
        parts = [
            *head,
            Part(tube(np.array([[0, 0, 0], [0, 0, -0.6], [0, 0, -1.1]]) * 1.0, 0.04, circle(10)), metal, "metal"),
        ]
        one = Piece("drops", tuple(parts))
        poses_of = [poses.lying(rng, one, 1.4).rested() for _ in range(2)]
    else:
        made = column(rng, wire)
        if rng.random() < 0.2:  # a flat leaf or disc of metal at the end
            low = min(mesh.points[:, 1].min() for mesh, _, _ in made)
            leaf = cabochon(0.22, 0.4, 0.06).moved(offset=(0, low - 0.38, 0))
            made.append((leaf, "metal", 0))
        metals = [hook(rng, wire)] + [mesh for mesh, slot, _ in made if slot == "metal"]
        parts = [Part(merge(metals), metal, "metal")]
        parts += [Part(mesh, stones[index], "stone") for mesh, slot, index in made if slot == "stone"]
        one = Piece("drops", tuple(parts))
        poses_of = [poses.lying(rng, one, 0.15).rested() for _ in range(1 if rng.random() < 0.15 else 2)]
    if rng.random() < 0.6 and len(poses_of) > 1:  # side by side, nearly parallel
        turn = one.rested()
        poses_of = [turn, turn]
    gap = float(rng.uniform(0.7, 1.2))
    pair = [p.moved(offset=(gap * i, rng.normal(0, 0.1), 0)) for i, p in enumerate(poses_of)]
    both = Piece("drops", tuple(part for p in pair for part in p.parts)).sized(1.2)
    return poses.turned(rng, both)
