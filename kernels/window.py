"""Boxes around what planes hold, on the device: `kernels/cuda/window.cu`.

Specified by `kernels/reference/window.py` and `composite.py`.
"""

from __future__ import annotations

import numpy as np

from kernels.label import label
from kernels.launch import Array, Extents, empty, fetched, over_pixels, require, uploaded

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, right and bottom excluded."""
COLUMNS = 5
"""Numbers of 32 bits per connected part: `Part` of the kernel."""
HUGE = np.iinfo(np.int32).max


def bounds(plane: Array, extents: Extents, limit: float) -> list[Box | None]:
    """Return the box around all pixels above `limit` of each plane of a batch; None where there is none.

    plane [P] float32. Waits for the current stream: 16 bytes a plane come back.
    """
    require("plane", plane, (extents.pixels,), "float32")
    boxes = _nothing(extents)
    arguments = (plane, np.float32(limit), extents.on_device(), np.int32(len(extents.sizes)), boxes)
    over_pixels("window", "above", extents, arguments)
    return _read(boxes)


def extent(alpha: Array, extents: Extents) -> list[Box | None]:
    """Return the box around all parts that count as the piece, of each alpha of a batch; None where none does.

    alpha [P] float32. Waits for the current stream: 16 bytes a plane come back.
    """
    require("alpha", alpha, (extents.pixels,), "float32")
    table, count = extents.on_device(), np.int32(len(extents.sizes))
    mask = empty(extents.pixels, "uint8")
    over_pixels("window", "faint", extents, (alpha, table, count, mask))
    labels, rows = label(mask, extents, 8)
    parts, boxes = empty((extents.pixels // 2 + len(extents.sizes), COLUMNS), "int32"), _nothing(extents)
    over_pixels("window", "clear", extents, (labels, rows, table, count, parts))
    over_pixels("window", "measure", extents, (labels, rows, alpha, table, count, parts))
    over_pixels("window", "gather", extents, (labels, rows, parts, table, count, boxes))
    return _read(boxes)


def _nothing(extents: Extents) -> Array:
    return uploaded(np.array([(HUGE, HUGE, 0, 0)] * len(extents.sizes), np.int32).reshape(-1, 4))


def _read(boxes: Array) -> list[Box | None]:
    return [(left, top, right, bottom) if right else None for left, top, right, bottom in fetched(boxes).tolist()]
