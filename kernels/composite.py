"""Light, framing and over on the device: `kernels/cuda/composite.cu`, specified by `kernels/reference/composite.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from kernels import launch
from kernels.launch import Array, Extents, empty, over_pixels, require, uploaded
from kernels.reference.composite import CELL, Frame
from kernels.reference.srgb import TO_LINEAR, TO_SRGB
from kernels.reference.window import Window


@dataclass(frozen=True, slots=True)
class Scene:
    """A batch to be framed: everything lies on the device but the views.

    alpha [P] float32 and foreground [P, 3] uint8 sRGB of the photos' P pixels; light [G, 12] float32 of the G cells;
    each grid spans its place in its photo.
    """

    alpha: Array
    foreground: Array
    photos: Extents
    light: Array
    grids: Extents
    places: Sequence[Window]
    views: Sequence[Frame]

    def canvases(self) -> Extents:
        """Return where the pictures lie that the views ask for."""
        return Extents(tuple((view.canvas[1], view.canvas[0]) for view in self.views))

    def arguments(self) -> list[Array]:
        """Return the kernels' first arguments."""
        require("alpha", self.alpha, (self.photos.pixels,), "float32")
        require("foreground", self.foreground, (self.photos.pixels, 3), "uint8")
        require("light", self.light, (self.grids.pixels, 12), "float32")
        places, frames = (
            uploaded(np.array([(box.left, box.top, box.width, box.height) for box in boxes], np.int32))
            for boxes in (self.places, self.views)
        )
        photos, grids = self.photos.on_device(), self.grids.on_device()
        return [self.alpha, self.foreground, photos, self.light, grids, places, frames]


@cache
def _curves(where: launch.Cupy, index: int) -> tuple[Array, Array]:
    """Return the tables of the sRGB curve, there and back, uploaded once per device."""
    made = where.upload(TO_LINEAR), where.upload(TO_SRGB)
    where.wait()
    return made


def contact(scene: Scene, shadow: Sequence[float], given: Sequence[Array]) -> tuple[Array, Extents]:
    """Return the density [C] float32 of every picture's contact shadow, and its cells: none where the strength is 0.

    given: `scene.arguments()`, uploaded once for all kernels of a batch.
    """
    sides = [
        (min(-(-view.canvas[1] // CELL), view.height), min(-(-view.canvas[0] // CELL), view.width))
        if strength
        else (0, 0)
        for view, strength in zip(scene.views, shadow, strict=True)
    ]
    cells, count = Extents(tuple(sides)), np.int32(len(scene.views))
    coverage, density = empty(cells.pixels, "float32"), empty(cells.pixels, "float32")
    alpha, _, photos, _, _, _, frames = given
    table = cells.on_device()
    over_pixels("composite", "cover", cells, (alpha, photos, frames, table, count, coverage))
    over_pixels("composite", "soften", cells, (coverage, table, count, density))
    return density, cells


def composite(
    scene: Scene,
    background: Array,
    grounds: Extents,
    shadow: Sequence[float] | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Lay every picture over its colour or picture, on the current stream; returns [canvas pixels, 3] uint8 sRGB.

    background [B, 3] uint8 sRGB; grounds: of each picture 1x1, one colour, or its canvas. shadow 0 to 1; None: none.
    Raises ValueError on a ground of another size.
    """
    canvases = scene.canvases()
    shape = (canvases.pixels, 3)
    out = empty(shape, "uint8") if out is None else require("out", out, shape, "uint8")
    for ground, canvas in zip(grounds.sizes, canvases.sizes, strict=True):
        if ground not in ((1, 1), canvas):
            raise ValueError(f"a ground of {ground} pixels is neither one colour nor the canvas's {canvas}")
    behind = require("background", background, (grounds.pixels, 3), "uint8")
    strengths = [0.0] * len(scene.views) if shadow is None else shadow
    given = scene.arguments()
    density, cells = contact(scene, strengths, given)
    shade = [density, cells.on_device(), uploaded(np.array(strengths, np.float32))]
    last = [
        behind,
        grounds.on_device(),
        *shade,
        canvases.on_device(),
        np.int32(len(scene.views)),
        *_curves(launch.device, launch.device.index()),
        out,
    ]
    over_pixels("composite", "composite", canvases, given + last)
    return out


def cutout(scene: Scene, *, out: Array | None = None) -> Array:
    """Frame without a background, on the current stream; returns [canvas pixels, 4] uint8 straight RGBA."""
    canvases = scene.canvases()
    shape = (canvases.pixels, 4)
    out = empty(shape, "uint8") if out is None else require("out", out, shape, "uint8")
    last = [canvases.on_device(), np.int32(len(scene.views)), *_curves(launch.device, launch.device.index()), out]
    over_pixels("composite", "cutout", canvases, scene.arguments() + last)
    return out
