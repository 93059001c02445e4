"""The network's input on the device: `kernels/cuda/letterbox.cu`, specified by `kernels/reference/letterbox.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.launch import Array, Extents, empty, over_pixels, require, uploaded
from kernels.reference.letterbox import fitted
from kernels.reference.window import Window


def letterbox(
    pixels: Array,
    photos: Extents,
    windows: Sequence[Window],
    size: int,
    mean: Sequence[float],
    scale: Sequence[float],
    *,
    out: Array | None = None,
) -> Array:
    """Resize a window of each photo to fit a square, normalise, on the current stream: [N, 3, size, size] float32.

    pixels [P, 3] uint8 sRGB of `photos`; windows within them; mean and scale: one number per channel.
    """
    shape = (len(photos.sizes), 3, size, size)
    require("pixels", pixels, (photos.pixels, 3), "uint8")
    out = empty(shape, "float32") if out is None else require("out", out, shape, "float32")
    squares = photos.per_picture(lambda _height, _width: (size, size))
    boxes = uploaded(np.array([(w.left, w.top, w.width, w.height) for w in windows], np.int32))
    fits = uploaded(np.array([fitted(w.height, w.width, size) for w in windows], np.int32))
    ways = uploaded(np.concatenate([1 / (255 * np.asarray(scale)), np.asarray(mean) / np.asarray(scale)]).astype("f4"))
    table, count = squares.on_device(), np.int32(len(photos.sizes))
    over_pixels("letterbox", "letterbox", squares, (pixels, photos.on_device(), boxes, fits, ways, table, count, out))
    return out
