"""Thin features on the device: `kernels/cuda/filament.cu`, specified by `kernels/reference/filament.py`."""

from __future__ import annotations

import numpy as np

from kernels.backdrop import Backdrop
from kernels.label import label
from kernels.launch import NOTHING, Array, Extents, empty, over_pixels, require, zeros

COLUMNS = 9
"""Numbers per component: `Filament` of the kernel."""


def ridges(behind: Backdrop, hint: Array | None = None) -> Array:
    """Return how far each pixel stands above both its sides, [P] uint8; with a hint, shadows only where it has one."""
    response = empty(behind.photos.pixels, "uint8")
    table, count = behind.photos.on_device(), np.int32(len(behind.photos.sizes))
    planes = (behind.plain, behind.difference, NOTHING if hint is None else hint)
    over_pixels("filament", "ridges", behind.photos, (*planes, table, count, response))
    return response


def filament(alpha: Array, behind: Backdrop, hint: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """Bring alpha back along ridges that hang on foreground, on the current stream.

    alpha [P] float32; hint [P] uint8, the network's own alpha. Returns alpha [P], and [N] int32: how many pixels of
    each picture were brought back.
    """
    photos: Extents = behind.photos
    require("alpha", alpha, (photos.pixels,), "float32")
    require("hint", hint, (photos.pixels,), "uint8")
    out = empty(photos.pixels, "float32") if out is None else require("out", out, (photos.pixels,), "float32")
    table, grids, count = photos.on_device(), behind.grids.on_device(), np.int32(len(photos.sizes))
    response = ridges(behind, hint)
    usual = behind.usual(response)
    flags, mask, line = (empty(photos.pixels, "uint8") for _ in range(3))
    over_pixels("filament", "weigh", photos, (response, usual, alpha, hint, grids, table, count, flags))
    over_pixels("filament", "grow", photos, (flags, table, count, mask))
    labels, rows = label(mask, photos, 8)
    components = empty((photos.pixels // 2 + len(photos.sizes), COLUMNS), "int32")
    over_pixels("filament", "clear", photos, (mask, labels, rows, table, count, components))
    over_pixels("filament", "measure", photos, (flags, alpha, labels, rows, table, count, components))
    over_pixels("filament", "keep", photos, (flags, labels, rows, components, table, count, line))
    restored = zeros(len(photos.sizes), "int32")
    planes = (behind.plain, behind.difference, hint, behind.noise, line, alpha)
    over_pixels("filament", "restore", photos, (*planes, grids, table, count, out, restored))
    return out, restored
