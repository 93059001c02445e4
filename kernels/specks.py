"""Specks on the device: `kernels/cuda/specks.cu`, specified by `kernels/reference/specks.py`."""

from __future__ import annotations

import numpy as np

from kernels.label import label
from kernels.launch import Array, Extents, empty, over_pixels, require, zeros


def without_specks(alpha: Array, maps: Extents) -> Array:
    """Return each alpha of a batch, [P] float32, without what it is nowhere sure of, on the current stream."""
    require("alpha", alpha, (maps.pixels,), "float32")
    table, count = maps.on_device(), np.int32(len(maps.sizes))
    seen, out = empty(maps.pixels, "uint8"), empty(maps.pixels, "float32")
    over_pixels("specks", "seek", maps, (alpha, table, count, seen))
    labels, _ = label(seen, maps, 8)
    sure, some = zeros(maps.pixels, "uint8"), zeros(len(maps.sizes), "uint8")
    over_pixels("specks", "mark", maps, (labels, alpha, table, count, sure, some))
    over_pixels("specks", "clear", maps, (labels, sure, some, alpha, table, count, out))
    return out
