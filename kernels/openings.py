"""Holes on the device: `kernels/cuda/openings.cu`, specified by `kernels/reference/openings.py`."""

from __future__ import annotations

import numpy as np

from kernels.backdrop import Backdrop
from kernels.label import label
from kernels.launch import Array, Extents, empty, over_pixels, require, zeros

COLUMNS = 6
"""Numbers of 32 bits per component: `Hole` of the kernel."""


def ridges(plane: Array, extents: Extents) -> Array:
    """Return how far each pixel of a plane [P] uint8 stands above both its sides, [P] uint8, on the current stream."""
    require("plane", plane, (extents.pixels,), "uint8")
    response = empty(extents.pixels, "uint8")
    over_pixels("openings", "ridges", extents, (plane, extents.on_device(), np.int32(len(extents.sizes)), response))
    return response


def openings(
    alpha: Array, behind: Backdrop, hint: Array, metal: Array, *, out: Array | None = None
) -> tuple[Array, Array]:
    """Open what agrees with the backdrop, close enclosed holes that do not, on the current stream.

    alpha [P] float32; hint, metal [P] uint8, the network's own planes. Returns alpha [P], and per picture [N, 5] int32
    the numbers of `kernels.reference.openings.Holes`: kept, kept_area, closed, closed_area, opened_area.
    """
    photos = behind.photos
    require("alpha", alpha, (photos.pixels,), "float32")
    require("hint", hint, (photos.pixels,), "uint8")
    require("metal", metal, (photos.pixels,), "uint8")
    out = empty(photos.pixels, "float32") if out is None else require("out", out, (photos.pixels,), "float32")
    table, grids, count = photos.on_device(), behind.grids.on_device(), np.int32(len(photos.sizes))
    ridge = ridges(behind.plain, photos)
    fields = (behind.usual(ridge), behind.contrast(alpha), behind.noise)
    agrees, above, hole = (empty(photos.pixels, "uint8") for _ in range(3))
    planes = (behind.difference, ridge, *fields, alpha, metal)
    over_pixels("openings", "agree", photos, (*planes, grids, table, count, agrees, above))
    facts = zeros((len(photos.sizes), 5), "int32")
    over_pixels("openings", "open", photos, (agrees, alpha, table, count, out, hole, facts))
    labels, rows = label(hole, photos, 4)
    components = empty((photos.pixels // 2 + len(photos.sizes), COLUMNS), "int32")
    over_pixels("openings", "clear", photos, (labels, rows, table, count, components))
    over_pixels("openings", "measure", photos, (labels, rows, above, metal, hint, table, count, components))
    over_pixels("openings", "close", photos, (labels, rows, components, table, count, out, facts))
    return out, facts
