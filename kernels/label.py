"""Connected components on the device: `kernels/cuda/label.cu`, specified by OpenCV's connectedComponents."""

from __future__ import annotations

import numpy as np

from kernels.launch import Array, Extents, empty, over_pixels, require, zeros


def label(mask: Array, extents: Extents, connectivity: int) -> tuple[Array, Array]:
    """Label the components of a batch's `mask` [P] uint8, connected by 4 or 8 neighbours, on the current stream.

    Returns labels [P] int32, each component's first pixel within its picture, -1 where the mask is 0; and rows [P]
    int32, at a component's first pixel its number in the batch, elsewhere undefined. They number at most P / 2 + N.
    """
    require("mask", mask, (extents.pixels,), "uint8")
    labels, rows = empty(extents.pixels, "int32"), empty(extents.pixels, "int32")
    table, count = extents.on_device(), np.int32(len(extents.sizes))
    over_pixels("label", "start", extents, (mask, table, count, labels))
    over_pixels("label", "join", extents, (mask, table, count, np.int32(connectivity == 8), labels))
    over_pixels("label", "flatten", extents, (table, count, labels, zeros(1, "int32"), rows))
    return labels, rows
