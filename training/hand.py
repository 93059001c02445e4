"""A hand whose fingers bend: the WebXR hand mesh if it was fetched, else fingers of capsules."""

from __future__ import annotations

import json
import struct
from functools import cache

import numpy as np

from training.fetch_assets import ASSETS
from training.geometry import Array, Mesh, circle, merge, noise, rotation, spline, tube

HAND = ASSETS / "hand/left.glb"
FINGERS = ("index-finger", "middle-finger", "ring-finger", "pinky-finger")
PHALANXES = ("phalanx-proximal", "phalanx-intermediate", "phalanx-distal")


@cache
def _rigged() -> tuple[Array, Array, dict[str, Array], Array, Array]:
    """Read points [V, 3], faces [F, 3], joint positions by name, joint numbers [V, 4] and weights [V, 4]."""
    data = HAND.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    tree, binary = json.loads(data[20 : 20 + length]), data[28 + length :]

    def array(number: int, kind: str, width: int) -> Array:
        accessor = tree["accessors"][number]
        view = tree["bufferViews"][accessor["bufferView"]]
        values = np.frombuffer(binary, kind, accessor["count"] * width, view.get("byteOffset", 0))
        return values.reshape(-1, width) if width > 1 else values

    part = tree["meshes"][0]["primitives"][0]
    of = part["attributes"]
    names = [tree["nodes"][k]["name"] for k in tree["skins"][0]["joints"]]
    joints = {tree["nodes"][k]["name"]: np.array(tree["nodes"][k]["translation"]) for k in tree["skins"][0]["joints"]}
    points, faces = array(of["POSITION"], "<f4", 3).astype(float), array(part["indices"], "<u2", 1).reshape(-1, 3)
    which, weights = array(of["JOINTS_0"], "u1", 4), array(of["WEIGHTS_0"], "<f4", 4).astype(float)
    order = np.array([names.index(name) for name in joints])
    assert (order == np.arange(len(order))).all()
    _, first, index = np.unique(np.round(points, 6), axis=0, return_index=True, return_inverse=True)  # weld the seams
    return points[first], index.reshape(-1)[faces].astype(np.int64), joints, which[first], weights[first]


def _bent(curls: Array, spread: Array) -> Mesh:
    """Return the mesh with its fingers bent by `curls` [4, 3] and spread by `spread` [4] radians."""
    points, faces, joints, which, weights = _rigged()
    names = list(joints)
    matrix = np.tile(np.eye(3), (len(names), 1, 1))
    shift = np.zeros((len(names), 3))
    palm = np.array([-1.0, 0, 0])
    for finger, bends, aside in zip(FINGERS, curls, spread, strict=True):
        along = joints[f"{finger}-tip"] - joints[f"{finger}-phalanx-proximal"]
        axis = np.cross(along, palm)
        turn, move = np.eye(3), np.zeros(3)
        for k, bend in enumerate(bends):
            at = joints[f"{finger}-{PHALANXES[k]}"]
            local = rotation(axis, float(bend)) @ (rotation(palm, float(aside)) if k == 0 else np.eye(3))
            # First the joint's own turn about its place at rest, then what its parents do.
            turn, move = turn @ local, turn @ (at - local @ at) + move
            for name in [f"{finger}-{PHALANXES[k]}"] + ([f"{finger}-tip"] if k == 2 else []):
                matrix[names.index(name)], shift[names.index(name)] = turn, move
    every = np.einsum("vkij,vj->vki", matrix[which], points) + shift[which]
    share = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return Mesh((every * share[..., None]).sum(1), faces)


def finger(rng: np.random.Generator, radius: float, length: float) -> Mesh:
    """Return one finger along +x from the origin to its tip, with knuckles and creases."""
    x = np.linspace(0, 1, 70)
    bend = float(rng.uniform(-0.12, 0.12))
    knots = np.stack([length * np.linspace(0, 1, 5), length * bend * np.linspace(0, 1, 5) ** 2, np.zeros(5)], 1)
    swell = 1 - 0.12 * x + 0.06 * np.exp(-(((x - 0.35) / 0.06) ** 2)) + 0.05 * np.exp(-(((x - 0.7) / 0.05) ** 2))
    for at in (0.33, 0.37, 0.69, 0.72):
        swell -= 0.03 * np.exp(-(((x - at) / 0.006) ** 2))
    tip = np.sqrt(np.clip(1 - np.clip((x - 0.88) / 0.12, 0, 1) ** 2, 0.0004, 1))
    rod = tube(spline(knots, 70), radius * swell * tip, circle(28))
    return rod.displaced(0.01 * radius * noise(rod.points / radius, rng, 7.0, 2))


def hand(rng: np.random.Generator, size: float) -> Mesh:
    """Return a hand on z = 0 along +x, fingertips at about x = 0; `size`: the radius of its fingers."""
    if not HAND.exists():
        rods = []
        for k in range(int(rng.integers(2, 5))):
            rod = finger(rng, size * float(rng.uniform(0.85, 1)), size * float(rng.uniform(7, 9)))
            turn = rotation((0, 0, 1), 0.14 * (k - 1)) @ rotation((0, 1, 0), float(rng.uniform(-0.1, 0.25)))
            rods.append(rod.moved(turn @ np.diag([-1.0, -1.0, 1.0]), (8 * size, 2.1 * size * (k - 1), size)))
        mesh = merge(rods)
    else:
        curl = rng.uniform(0, 1) * np.array([0.5, 0.7, 0.4]) + rng.normal(0, 0.12, (4, 3))
        if rng.random() < 0.3:  # one finger points
            curl[1:] = np.array([1.2, 1.5, 0.9]) + rng.normal(0, 0.1, (3, 3))
            curl[0] = rng.uniform(0, 0.3, 3)
        if rng.random() < 0.35:  # the mesh's fingers may also lie flat
            curl = rng.normal(0, 0.08, (4, 3))
        mesh = _bent(curl.clip(-0.1, 1.7), rng.normal(0, 0.07, 4)).scaled(size / 0.0085)
        # Fingers point to -y, the palm's normal is -x.
        down = np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]])
        mesh = mesh.moved(down)
        if rng.random() < 0.5:
            mesh = mesh.moved(np.diag([1.0, -1.0, 1.0]))
            mesh = Mesh(mesh.points, mesh.faces[:, ::-1])
        mesh = mesh.moved(rotation((1, 0, 0), float(rng.choice([0.0, np.pi, rng.uniform(-1.6, 1.6)]))))
    low = mesh.points.min(0)
    return mesh.moved(offset=(-low[0], -float(np.median(mesh.points[:, 1])), -low[2]))
