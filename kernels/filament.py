"""Lost thin parts on the device: `kernels/cuda/filament.cu`, specified by `kernels/reference/filament.py`."""

from __future__ import annotations

import numpy as np

from kernels.backdrop import Backdrop
from kernels.label import label
from kernels.launch import Array, Extents, empty, over_pixels, require, zeros

COLUMNS = 4
"""Numbers of 32 bits per component: `Filament` of the kernel."""


def ridges(plane: Array, extents: Extents) -> Array:
    """Return how far each pixel of a plane [P] uint8 stands above both its sides, [P] uint8, on the current stream."""
    require("plane", plane, (extents.pixels,), "uint8")
    response = empty(extents.pixels, "uint8")
    over_pixels("filament", "ridges", extents, (plane, extents.on_device(), np.int32(len(extents.sizes)), response))
    return response


def filament(
    alpha: Array, behind: Backdrop, hint: Array, line: Array, *, out: Array | None = None
) -> tuple[Array, Array]:
    """Bring alpha back along lines that hang on foreground, on the current stream.

    alpha [P] float32; hint, line [P] uint8, the network's alpha and the ridges of it. Returns alpha [P], and of each
    picture [N] int32 how many pixels were brought back.
    """
    photos = behind.photos
    require("alpha", alpha, (photos.pixels,), "float32")
    require("hint", hint, (photos.pixels,), "uint8")
    require("line", line, (photos.pixels,), "uint8")
    out = empty(photos.pixels, "float32") if out is None else require("out", out, (photos.pixels,), "float32")
    table, grids, count = photos.on_device(), behind.grids.on_device(), np.int32(len(photos.sizes))
    ridge = ridges(behind.difference, photos)
    weak, grown, drawn = (empty(photos.pixels, "uint8") for _ in range(3))
    over_pixels("filament", "seek", photos, (ridge, behind.usual(ridge), alpha, hint, grids, table, count, weak))
    over_pixels("filament", "grow", photos, (weak, table, count, grown))
    labels, rows = label(grown, photos, 8)
    components = empty((photos.pixels // 2 + len(photos.sizes), COLUMNS), "int32")
    over_pixels("filament", "clear", photos, (labels, rows, table, count, components))
    over_pixels("filament", "measure", photos, (labels, rows, weak, line, alpha, table, count, components))
    over_pixels("filament", "keep", photos, (labels, rows, weak, components, table, count, drawn))
    restored = zeros(len(photos.sizes), "int32")
    planes = (drawn, behind.difference, behind.noise, alpha, grids)
    over_pixels("filament", "restore", photos, (*planes, table, count, out, restored))
    return out, restored
