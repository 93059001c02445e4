"""Triangle meshes from curves: tubes, lathes, hulls, instances. Length unit: the radius of a ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import ConvexHull

Array = NDArray[Any]  # float64 by contract


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles: points [V, 3], faces [F, 3] int; `smooth` shares normals over edges."""

    points: Array
    faces: NDArray[np.int64]
    smooth: bool = True

    def moved(self, matrix: Array | None = None, offset: Array | tuple[float, float, float] = (0, 0, 0)) -> Mesh:
        """Apply `matrix` [3, 3] (columns are the new axes), then add `offset` [3]."""
        points = self.points if matrix is None else self.points @ np.asarray(matrix).T
        return Mesh(points + np.asarray(offset, float), self.faces, self.smooth)

    def scaled(self, *factors: float) -> Mesh:
        """Scale by one factor or by three."""
        return Mesh(self.points * np.array(factors if len(factors) == 3 else factors * 3), self.faces, self.smooth)

    def displaced(self, amount: Array) -> Mesh:
        """Move each point along its normal by `amount` [V]."""
        return Mesh(self.points + self.normals() * amount[:, None], self.faces, self.smooth)

    def normals(self) -> Array:
        """Area-weighted vertex normals [V, 3]."""
        a, b, c = (self.points[self.faces[:, k]] for k in range(3))
        face = np.cross(b - a, c - a)
        total = np.zeros_like(self.points)
        for k in range(3):
            np.add.at(total, self.faces[:, k], face)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)

    def faceted(self) -> Mesh:
        """Give every face its own three points, so that vertex normals are face normals."""
        if self.smooth:
            return self
        return Mesh(self.points[self.faces.ravel()], np.arange(self.faces.size).reshape(-1, 3))


def merge(meshes: list[Mesh]) -> Mesh:
    """Join meshes into one; flat ones are faceted first."""
    parts = [mesh.faceted() for mesh in meshes]
    starts = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    return Mesh(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=True)]),
    )


def rotation(axis: Array | tuple[float, float, float], angle: float) -> Array:
    """Rotate by `angle` radians about `axis`: matrix [3, 3]."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def frames(path: Array, closed: bool = False) -> tuple[Array, Array, Array]:
    """Tangent, normal and binormal [N, 3] that turn as little as possible along `path` [N, 3]."""
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    tangent = tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    normal = np.empty_like(path)
    start = np.array([0.0, 0.0, 1.0]) if abs(tangent[0, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    for i in range(len(path)):
        start = start - tangent[i] * (start @ tangent[i])
        start = start / np.linalg.norm(start)
        normal[i] = start
    binormal = np.cross(tangent, normal)
    if closed:  # spread the leftover turn over the loop
        end = normal[-1] - tangent[0] * (normal[-1] @ tangent[0])
        gap = np.arctan2(end @ binormal[0], end @ normal[0])
        turn = -gap * np.arange(len(path)) / len(path)
        cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
        normal, binormal = cos * normal + sin * binormal, cos * binormal - sin * normal
    return tangent, normal, binormal


def circle(sides: int = 12) -> Array:
    """Return a unit circle [sides, 2], counter-clockwise."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def squared(cos: Array, sin: Array, power: float) -> Array:
    """Return how far a superellipse of half axes 1 reaches in directions of those cosines and sines, of one shape."""
    return (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)


def rounded(sides: int = 20, power: float = 4.0, width: float = 1.0, height: float = 1.0) -> Array:
    """Return a superellipse section [sides, 2]: power 2 is an ellipse, larger is more of a box."""
    c = circle(sides)
    return np.sign(c) * np.abs(c) ** (2 / power) * [width, height]


def tube(
    path: Array, radius: float | Array, section: Array | None = None, closed: bool = False, twist: float = 0.0
) -> Mesh:
    """Sweep `section` [S, 2] (x along the frame's normal) times `radius` (one, or [N]) along `path` [N, 3].

    `twist` is the total turn in radians. Open tubes get end caps.
    """
    section = circle() if section is None else section
    n, s = len(path), len(section)
    _, normal, binormal = frames(path, closed)
    turn = np.linspace(0, twist, n, endpoint=not closed)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    normal, binormal = cos * normal + sin * binormal, cos * binormal - sin * normal
    width = np.broadcast_to(np.asarray(radius, float), (n,))[:, None, None]
    flat = section[None, :, :] * width
    points = path[:, None] + flat[..., :1] * normal[:, None] + flat[..., 1:] * binormal[:, None]
    rows = np.arange(n if closed else n - 1)
    i, j = np.meshgrid(rows, np.arange(s), indexing="ij")
    a, b = i * s + j, i * s + (j + 1) % s
    c, d = ((i + 1) % n) * s + j, ((i + 1) % n) * s + (j + 1) % s
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    points = points.reshape(-1, 3)
    if not closed:
        ring = np.arange(s)
        first, last = len(points), len(points) + 1
        points = np.concatenate([points, path[:1], path[-1:]])
        base = (n - 1) * s
        caps = [np.stack([np.roll(ring, -1), ring, np.full(s, first)], 1)]
        caps.append(np.stack([base + ring, base + np.roll(ring, -1), np.full(s, last)], 1))
        faces = np.concatenate([faces, *caps])
    return Mesh(points, faces[:, ::-1])


def ring_path(radius: float = 1.0, steps: int = 128, start: float = 0.0, end: float = 2 * np.pi) -> Array:
    """Return a circle (or arc) [steps, 3] about z."""
    angle = np.linspace(start, end, steps, endpoint=abs(end - start) < 2 * np.pi - 1e-9)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(steps)], 1)


def torus(radius: float, thick: float, steps: int = 96, sides: int = 14) -> Mesh:
    """Return a ring of round wire about z."""
    return tube(ring_path(radius, steps), thick, circle(sides), closed=True)


def lathe(profile: Array, steps: int = 64, smooth: bool = True) -> Mesh:
    """Turn `profile` [P, 2] of (radius, z) about z; radii of 0 close the ends."""
    p = len(profile)
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    r, z = profile[:, 0], profile[:, 1]
    points = np.stack([np.outer(np.cos(angle), r), np.outer(np.sin(angle), r), np.tile(z, (steps, 1))], -1)
    i, j = np.meshgrid(np.arange(steps), np.arange(p - 1), indexing="ij")
    a, b = i * p + j, ((i + 1) % steps) * p + j
    faces = np.concatenate([np.stack([a, b, a + 1], -1).reshape(-1, 3), np.stack([b, b + 1, a + 1], -1).reshape(-1, 3)])
    return Mesh(points.reshape(-1, 3), faces, smooth)


def sphere(radius: float = 1.0, steps: int = 32) -> Mesh:
    """Return a ball about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, steps // 2 + 1)
    return lathe(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), steps)


def hull(points: Array) -> Mesh:
    """Return the flat-shaded convex hull of `points` [N, 3], facing outwards."""
    shell = ConvexHull(points)
    faces = shell.simplices.copy()
    a, b, c = (points[faces[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), shell.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return Mesh(points, faces.astype(np.int64), smooth=False)


def gem(cut: str = "round", radius: float = 1.0, depth: float = 0.9) -> Mesh:
    """Return a faceted stone, girdle at z = 0, table up; `cut` is one of `mounts.CUTS`."""
    sides = {"princess": 4, "emerald": 8}.get(cut, 16)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False) + (np.pi / 4 if cut == "princess" else 0)

    def outline(scale: float, z: float, shift: float = 0.0) -> Array:
        a = turn + shift
        x, y = np.cos(a), np.sin(a)
        if cut == "emerald":
            x, y = np.sign(x) * np.minimum(np.abs(x) * 1.25, 1), np.sign(y) * np.minimum(np.abs(y), 0.72)
        elif cut == "cushion":
            x, y = np.sign(x) * np.abs(x) ** 0.6, np.sign(y) * np.abs(y) ** 0.6
        elif cut == "oval":
            y = y * 0.72
        elif cut == "pear":
            y = y * (0.72 - 0.28 * x) - 0
            x = x * 1.15
        elif cut == "marquise":
            y = np.sign(y) * np.abs(y) ** 1.4 * 0.52
        return np.stack([x * scale, y * scale, np.full(sides, z)], 1) * radius

    half = np.pi / sides
    crown = [outline(0.56, 0.30), outline(0.82, 0.18, half), outline(1.0, 0.02), outline(1.0, -0.02)]
    pavilion = [outline(0.55, -0.45 * depth, half), outline(0.04, -0.85 * depth)]
    if cut in ("princess", "emerald"):
        crown, pavilion = (
            [outline(0.66, 0.26), outline(0.88, 0.14), outline(1.0, 0.0)],
            [
                outline(0.72, -0.35 * depth),
                outline(0.38, -0.62 * depth),
                outline(0.05, -0.8 * depth),
            ],
        )
    return hull(np.concatenate(crown + pavilion))


def cabochon(width: float = 1.0, length: float = 1.0, height: float = 0.5, power: float = 2.0, steps: int = 48) -> Mesh:
    """Return a domed stone with a flat base at z = 0."""
    t = np.linspace(0, np.pi / 2, steps // 3)
    profile = np.stack([np.cos(t) ** (2 / power), np.sin(t) ** (2 / power) * height], 1)
    base = np.array([[0.0, -0.08], [0.97, -0.08]])
    return lathe(np.concatenate([base, profile]), steps).scaled(width, length, 1)


def box(x: float, y: float, z: float, bevel: float = 0.1) -> Mesh:
    """Return a block with cut edges, half sides x, y, z."""
    corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], float) * [x, y, z]
    small = bevel * min(x, y, z)
    cut = [corners - np.sign(corners) * np.eye(3)[axis] * small for axis in range(3)]
    return hull(np.concatenate(cut))


def instances(mesh: Mesh, axes: Array, offsets: Array) -> Mesh:
    """Copy `mesh` with matrices `axes` [N, 3, 3] and `offsets` [N, 3]."""
    mesh = mesh.faceted()
    points = np.einsum("nij,vj->nvi", axes, mesh.points) + offsets[:, None]
    faces = mesh.faces[None] + (np.arange(len(offsets)) * len(mesh.points))[:, None, None]
    return Mesh(points.reshape(-1, 3), faces.reshape(-1, 3))


def curled(mesh: Mesh, radius: float, along: int) -> Mesh:
    """Bend what lies along axis `along` (0: x, 1: y) over a cylinder of `radius` below it, z staying the height."""
    flat = mesh.points[:, along] / radius
    out = radius + mesh.points[:, 2]
    points = mesh.points.copy()
    points[:, along], points[:, 2] = out * np.sin(flat), out * np.cos(flat) - radius
    return Mesh(points, mesh.faces, mesh.smooth)


def resample(path: Array, step: float) -> Array:
    """Walk along `path` in steps of equal length close to `step`."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    count = max(round(float(length[-1]) / step), 2)
    at = np.linspace(0, length[-1], count + 1)
    return np.stack([np.interp(at, length, path[:, k]) for k in range(3)], 1)


def spline(knots: Array, steps: int = 400, closed: bool = False) -> Array:
    """Draw a smooth curve through `knots` [K, 3]."""
    if closed:
        knots = np.concatenate([knots, knots[:1]])
    t = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    curve = CubicSpline(t, knots, bc_type="periodic" if closed else "not-a-knot" if len(knots) > 3 else "natural")
    return curve(np.linspace(0, t[-1], steps, endpoint=not closed))


def noise(points: Array, rng: np.random.Generator, frequency: float, octaves: int = 3) -> Array:
    """Return smooth noise [V] in about [-1, 1] at `points` [V, 3]: sums of plane waves."""
    total = np.zeros(len(points))
    for octave in range(octaves):
        for _ in range(4):
            wave = rng.normal(size=3)
            wave *= frequency * 2**octave / np.linalg.norm(wave)
            total += np.sin(points @ wave + rng.uniform(0, 6.28)) / 2**octave
    return total / 4
