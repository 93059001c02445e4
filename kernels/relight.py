"""The relight network's input, and its answer, on the device: `kernels/cuda/relight.cu` and `change.cu`.

Specified by `kernels/reference/relight.py` and `kernels/reference/change.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels import launch
from kernels.launch import Array, Extents, empty, fetched, over_pixels, require, uploaded, zeros
from kernels.reference.change import Change
from kernels.reference.relight import part_of
from kernels.reference.window import Window

SUMS, BINS = 5, 8192
"""Numbers of 64 bits per picture: `Sums` of the kernel; bins of its histogram."""


def seen(
    pixels: Array,
    alpha: Array,
    photos: Extents,
    metal: Array,
    stone: Array,
    maps: Extents,
    windows: Sequence[Window],
    views: Sequence[Window],
    side: int,
) -> Array:
    """Return what the network sees of each photo, [N, 6, side, side] float32, on the current stream.

    pixels [P, 3] uint8 and alpha [P] float32 of the photos; metal, stone [Q] float32 of the maps, which show the
    windows of the photos; views: the squares to be shown.
    """
    require("pixels", pixels, (photos.pixels, 3), "uint8")
    require("alpha", alpha, (photos.pixels,), "float32")
    require("metal", metal, (maps.pixels,), "float32")
    require("stone", stone, (maps.pixels,), "float32")
    parts = [part_of(size, window, view) for size, window, view in zip(maps.sizes, windows, views, strict=True)]
    squares, shown = (
        uploaded(np.array([(w.left, w.top, w.width, w.height) for w in boxes], np.int32)) for boxes in (views, parts)
    )
    extents = photos.per_picture(lambda _height, _width: (side, side))
    out = empty((len(photos.sizes), 6, side, side), "float32")
    planes = (pixels, alpha, photos.on_device(), metal, stone, maps.on_device(), squares, shown)
    over_pixels("relight", "seen", extents, (*planes, extents.on_device(), np.int32(len(photos.sizes)), out))
    return out


def followed(transforms: Array, shown: Array, strengths: Sequence[tuple[float, float]]) -> Array:
    """Blend transforms [N, g, g, 12] with no change, on the current stream; strengths: of metal and of stone.

    shown [N, 6, S, S], as `seen` returns it.
    """
    count, high, wide, _ = transforms.shape
    require("transforms", transforms, (count, high, wide, 12), "float32")
    require("shown", shown, (count, 6, *shown.shape[2:]), "float32")
    cells, squares = Extents(((high, wide),) * count), Extents((shown.shape[2:],) * count)
    out = empty((count, high, wide, 12), "float32")
    share = uploaded(np.array(strengths, np.float32))
    arguments = (transforms, shown, squares.on_device(), share, cells.on_device(), np.int32(count), out)
    over_pixels("relight", "followed", cells, arguments)
    return out


def change(shown: Array, light: Array) -> list[Change | None]:
    """Return how far light [N, g, g, 12] changes what is shown, [N, 6, S, S]; None where nothing is.

    Waits for the current stream: 16 bytes a picture come back.
    """
    count = len(shown)
    require("shown", shown, (count, 6, *shown.shape[2:]), "float32")
    require("light", light, (count, *light.shape[1:3], 12), "float32")
    squares, grids = Extents((shown.shape[2:],) * count), Extents((light.shape[1:3],) * count)
    table, number = squares.on_device(), np.int32(count)
    lightness, figures = empty((squares.pixels, 2), "float32"), empty((count, 4), "float32")
    sums, histogram = zeros((count, SUMS), "int64"), zeros((count, BINS), "int32")
    made = (shown, light, grids.on_device(), table, number, lightness, sums, histogram)
    over_pixels("change", "compare", squares, made)
    over_pixels("change", "grain", squares, (shown, lightness, table, number, sums))
    launch.device.function("change", "conclude")((-(-count // 32),), (32,), (sums, histogram, number, figures))
    return [Change(mean, p95, detail) if pixels else None for pixels, mean, p95, detail in fetched(figures).tolist()]
