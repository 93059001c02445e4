"""See-through openings on the device: `kernels/cuda/openings.cu`, specified by `kernels/reference/openings.py`."""

from __future__ import annotations

import numpy as np

from kernels.label import label
from kernels.launch import Array, Extents, empty, over_pixels, require, zeros

COLUMNS = 2
"""Numbers of 32 bits per component: `Opening` of the kernel."""


def openings(alpha: Array, photos: Extents) -> Array:
    """Count the openings of each alpha of a batch, [P] float32, on the current stream.

    Returns per picture [N, 2] int32 the numbers of `kernels.reference.openings.Openings`: count, area.
    """
    require("alpha", alpha, (photos.pixels,), "float32")
    table, count = photos.on_device(), np.int32(len(photos.sizes))
    nothing = empty(photos.pixels, "uint8")
    over_pixels("openings", "seek", photos, (alpha, table, count, nothing))
    labels, rows = label(nothing, photos, 4)
    components = empty((photos.pixels // 2 + len(photos.sizes), COLUMNS), "int32")
    over_pixels("openings", "clear", photos, (labels, rows, table, count, components))
    over_pixels("openings", "measure", photos, (labels, rows, table, count, components))
    facts = zeros((len(photos.sizes), 2), "int32")
    over_pixels("openings", "total", photos, (labels, rows, components, table, count, facts))
    return facts
