"""Figures of an alpha on the device: `kernels/cuda/figures.cu`, specified by `kernels/reference/figures.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.label import label
from kernels.launch import Array, Extents, empty, fetched, over_pixels, require, uploaded, zeros
from kernels.reference.composite import PRESENT
from kernels.reference.figures import Figures
from kernels.window import bounds

COLUMNS, UNIT = 5, 1 << 20
"""Numbers of 64 bits per picture: `Figures` of the kernel; its unit of coverage."""


def figures(alpha: Array, extents: Extents, reaches: Sequence[int]) -> list[Figures]:
    """Return the figures of each alpha of a batch, [P] float32; reaches: odd, of each.

    Waits for the current stream: 56 bytes a picture come back.
    """
    require("alpha", alpha, (extents.pixels,), "float32")
    table, count = extents.on_device(), np.int32(len(extents.sizes))
    solid, found = empty(extents.pixels, "uint8"), zeros((len(extents.sizes), COLUMNS), "int64")
    reach = uploaded(np.array(reaches, np.int32))
    over_pixels("figures", "weigh", extents, (alpha, reach, table, count, solid, found))
    labels, rows = label(solid, extents, 8)
    areas = empty(extents.pixels // 2 + len(extents.sizes), "int32")
    over_pixels("figures", "clear", extents, (labels, rows, table, count, areas))
    over_pixels("figures", "measure", extents, (labels, rows, table, count, areas))
    over_pixels("figures", "largest", extents, (labels, rows, areas, table, count, found))
    over_pixels("figures", "number", extents, (labels, rows, areas, table, count, found))
    boxes = bounds(alpha, extents, PRESENT)
    return [
        Figures(covered / UNIT / (height * width), box, unsure / max(1, area), parts)
        for (covered, area, unsure, _, parts), (height, width), box in zip(
            fetched(found).tolist(), extents.sizes, boxes, strict=True
        )
    ]
