"""The old background on the device: `kernels/cuda/backdrop.cu`, specified by `kernels/reference/backdrop.py`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.launch import Array, Extents, empty, over_pixels, require, zeros
from kernels.reference.backdrop import CELL


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A batch's distance from the old background: `kernels.reference.backdrop.Backdrop` on the device.

    difference [P] uint8; noise, known [C] float32 of the C cells of `grids`.
    """

    photos: Extents
    grids: Extents
    difference: Array
    noise: Array
    known: Array

    def usual(self, plane: Array) -> Array:
        """Return what is usual in the background hereabouts of a plane [P] uint8: [C] float32."""
        photo, grid, count = self.photos.on_device(), self.grids.on_device(), np.int32(len(self.photos.sizes))
        values = empty(self.grids.pixels, "float32")
        over_pixels("backdrop", "gather_most", self.grids, (plane, photo, grid, count, values))
        return pull_push(values, self.known, self.grids, 1)


def backdrop(pixels: Array, background: Array, photos: Extents) -> Backdrop:
    """Estimate the old background of a batch, on the current stream.

    pixels [P, 3] uint8 sRGB; background [P] uint8, 255 where certain. Without any, nothing differs.
    """
    require("pixels", pixels, (photos.pixels, 3), "uint8")
    require("background", background, (photos.pixels,), "uint8")
    grids = photos.per_picture(lambda h, w: (-(-h // CELL), -(-w // CELL)))
    photo, grid, count = photos.on_device(), grids.on_device(), np.int32(len(photos.sizes))
    told = zeros(len(photos.sizes), "int32")
    colour, known = empty((grids.pixels, 3), "float32"), empty(grids.pixels, "float32")
    over_pixels("backdrop", "gather_colour", grids, (pixels, background, photo, grid, count, colour, known, told))
    behind = pull_push(colour, known, grids, 3)
    plain, difference = empty(photos.pixels, "uint8"), empty(photos.pixels, "uint8")
    over_pixels("backdrop", "differ", photos, (pixels, behind, grid, photo, count, told, plain, difference))
    noise = empty(grids.pixels, "float32")
    over_pixels("backdrop", "gather_mean", grids, (plain, photo, grid, count, noise))
    return Backdrop(photos, grids, difference, pull_push(noise, known, grids, 1), known)


def pull_push(values: Array, weight: Array, extents: Extents, channels: int) -> Array:
    """Fill `values` [C, channels] float32 in place where `weight` [C] float32 is less than 1; return it."""
    count, depth = np.int32(len(extents.sizes)), np.int32(channels)
    levels = [(extents, extents.on_device(), values, weight)]
    while levels[-1][0].pixels:
        below, table, fine, share = levels[-1]
        # A picture that is one cell has no coarser level: those of the others go on without it.
        above = below.per_picture(lambda h, w: (0, 0) if max(h, w) <= 1 else (-(-h // 2), -(-w // 2)))
        made = above, above.on_device(), empty((above.pixels, channels), "float32"), empty(above.pixels, "float32")
        over_pixels("backdrop", "pull", above, (fine, share, table, made[1], count, depth, made[2], made[3]))
        levels.append(made)
    for above, level in zip(reversed(levels[1:]), reversed(levels[:-1]), strict=True):
        arguments = (above[2], above[1], level[3], level[1], count, depth, level[2])
        over_pixels("backdrop", "push", level[0], arguments)
    return values
