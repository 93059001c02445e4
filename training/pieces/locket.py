"""HELD OUT. Locket: two shells on a hinge, closed or open, engraved, with pictures or enamel inside, on a chain."""

from __future__ import annotations

import numpy as np

from training import links, materials, mounts, poses
from training.geometry import Array, circle, merge, noise, rotation, torus, tube
from training.piece import Part, Piece
from training.pieces.pendant import hung
from training.plates import ellipse, heart, plate


def make(rng: np.random.Generator) -> Piece:
    """Draw one locket."""
    metal = materials.metal(rng)
    kind = rng.choice(["round", "oval", "heart", "book"])
    frame = {
        "round": ellipse(1.0, 1.0, sides=90),
        "oval": ellipse(0.74, 1.0, sides=90),
        "heart": heart(100),
        "book": np.sign(c := circle(80)) * np.abs(c) ** 0.3 * [0.7, 0.9],
    }[str(kind)]
    way, seed = rng.random(), np.random.default_rng(int(rng.integers(1 << 31)))
    fold, dome = int(rng.integers(5, 13)), float(rng.uniform(0.12, 0.35))
    frequency = float(rng.uniform(5, 11))

    def relief(p: Array) -> Array:
        far = np.hypot(p[:, 0], p[:, 1])
        height = dome * (1 - np.clip(far, 0, 1) ** 2) ** 0.6
        angle = np.arctan2(p[:, 1], p[:, 0])
        if way < 0.3:
            engraved = np.tanh(5 * np.sin(fold * angle + 14 * far)) * (far < 0.8)
        elif way < 0.55:
            engraved = np.tanh(8 * (np.abs(np.sin(fold * angle / 2)) - 1.4 * np.abs(far - 0.55) - 0.3)) * (far < 0.85)
        elif way < 0.75:
            engraved = np.sign(noise(np.c_[p, 0 * far], seed, frequency, 1) - 0.3) * (far < 0.85)
        else:
            engraved = 0 * far
        return height + 0.018 * engraved

    lid = plate([frame], [], 0.09, 0.032, 0.3, relief)
    back = plate([frame], [], 0.09, 0.06, 0.3, lambda p: dome * (1 - np.clip((p**2).sum(1), 0, 1)) ** 0.6)
    back = back.moved(np.diag([1.0, -1.0, -1.0])) if kind != "heart" else back.moved(np.diag([-1.0, 1.0, -1.0]))
    back = back.moved(offset=(0, 0, -0.1))
    wide = float(frame[:, 0].max())
    side = float(frame[frame[:, 0] > wide - 1e-3, 1].mean())  # where it is widest
    hinge = tube(np.array([[-wide, side + y, -0.05] for y in (-0.2, 0, 0.2)]), 0.07, circle(10))
    catch = torus(0.05, 0.025, 16, 6).moved(offset=(wide + 0.03, side, -0.05))
    parts: list[Part] = []
    work = [back, hinge, catch]
    if rng.random() < 0.5:  # open like a book
        angle = float(rng.uniform(1.8, 3.05))
        turn = rotation((0, 1, 0), -angle)
        at = np.array([-wide, 0, -0.05])
        work.append(lid.moved(offset=-at).moved(turn, at))
        inner = plate([frame * 0.8], [frame * 0.68], 0.05, 0.06)
        picture = plate([frame * 0.7], [], 0.02, 0.15)
        work.append(inner.moved(offset=(0, 0, -0.04)))
        work.append(inner.moved(offset=(0, 0, -0.06)).moved(offset=-at).moved(turn, at))
        face = materials.opaque(rng)
        parts.append(Part(picture.moved(offset=(0, 0, -0.045)), face, "stone"))
        parts.append(Part(picture.moved(offset=(0, 0, -0.055)).moved(offset=-at).moved(turn, at), face, "stone"))
    else:
        work.append(lid)
        if rng.random() < 0.35:
            stone = mounts.cabochon_set(rng, float(rng.uniform(0.12, 0.35)), metal, materials.stone(rng))
            parts += mounts.shifted(stone, (0, 0, dome + 0.08))
    top = float(frame[np.abs(frame[:, 0]) < 0.12, 1].max())
    work.append(torus(0.12, 0.035, 28, 8).moved(offset=(0, top + 0.09, -0.05)))
    parts.append(Part(merge(work), metal, "metal"))
    low = min(float(p.mesh.points[:, 2].min()) for p in parts)
    parts = mounts.shifted(parts, (0, 0, -low))
    if rng.random() < 0.75:
        path = links.drape(rng, str(rng.choice(["u", "v"])), float(rng.uniform(1.6, 2.6)))
        made = hung(rng, parts, top + 0.2, metal, path, float(rng.uniform(0.025, 0.07)))
        return poses.lying(rng, Piece("locket", tuple(made)).sized(1.6), 0.03)
    return poses.lying(rng, Piece("locket", tuple(parts)).sized(1.2), 0.15)
