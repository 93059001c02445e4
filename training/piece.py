"""A piece of jewelry: meshes with materials, each in one of three slots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from training.geometry import Array, Mesh

Slot = Literal["metal", "stone", "other"]
Kind = Literal["metal", "clear", "opaque", "pearl", "matte"]


@dataclass(frozen=True, slots=True)
class Material:
    """How a part looks; all parts of equal material become one mesh.

    kind: metal | clear (refracting stone) | opaque (stone, bead, enamel, wood) | pearl | matte (cord, cloth, props).
    color and second: linear RGB in [0, 1]; `second` is mixed in by noise of `frequency` (0: none).
    roughness: 0 mirror to 1; ior: of clear stones and coats.
    """

    kind: Kind
    color: tuple[float, float, float]
    roughness: float = 0.1
    ior: float = 1.5
    second: tuple[float, float, float] | None = None
    frequency: float = 0.0
    bands: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One mesh of a piece and what it is made of."""

    mesh: Mesh
    material: Material
    slot: Slot


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece lying on z = 0 as it would lie on a table; size about that of a ring of radius 1."""

    family: str
    parts: tuple[Part, ...]

    def points(self) -> Array:
        """All vertices [V, 3]."""
        return np.concatenate([part.mesh.points for part in self.parts])

    def moved(self, matrix: Array | None = None, offset: Array | tuple[float, float, float] = (0, 0, 0)) -> Piece:
        """Turn, then shift the whole piece."""
        return replace(self, parts=tuple(replace(p, mesh=p.mesh.moved(matrix, offset)) for p in self.parts))

    def rested(self) -> Piece:
        """Centre in x and y and put the lowest point on z = 0."""
        points = self.points()
        low, high = points.min(0), points.max(0)
        return self.moved(offset=(-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]))

    def sized(self, radius: float) -> Piece:
        """Scale so that the largest half extent in x, y or z is `radius`."""
        points = self.points()
        factor = radius / ((points.max(0) - points.min(0)).max() / 2)
        return self.moved(np.eye(3) * factor)
