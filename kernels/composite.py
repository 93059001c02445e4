"""Light, framing and over on the device: `kernels/cuda/composite.cu`, specified by `kernels/reference/composite.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.launch import Array, Extents, empty, over_pixels, require, uploaded
from kernels.reference.composite import Frame
from kernels.reference.srgb import TO_LINEAR, TO_SRGB, srgb_to_linear
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


def composite(scene: Scene, background: Sequence[tuple[int, int, int]], *, out: Array | None = None) -> Array:
    """Lay every picture over its colour (sRGB 0..255), on the current stream; returns [canvas pixels, 3] uint8 sRGB."""
    canvases = scene.canvases()
    shape = (canvases.pixels, 3)
    out = empty(shape, "uint8") if out is None else require("out", out, shape, "uint8")
    behind = uploaded(srgb_to_linear(np.array(background, np.uint8)))
    last = [behind, canvases.on_device(), np.int32(len(scene.views)), uploaded(TO_LINEAR), uploaded(TO_SRGB), out]
    over_pixels("composite", "composite", canvases, scene.arguments() + last)
    return out


def cutout(scene: Scene, *, out: Array | None = None) -> Array:
    """Frame without a background, on the current stream; returns [canvas pixels, 4] uint8 straight RGBA."""
    canvases = scene.canvases()
    shape = (canvases.pixels, 4)
    out = empty(shape, "uint8") if out is None else require("out", out, shape, "uint8")
    last = [canvases.on_device(), np.int32(len(scene.views)), uploaded(TO_LINEAR), uploaded(TO_SRGB), out]
    over_pixels("composite", "cutout", canvases, scene.arguments() + last)
    return out
