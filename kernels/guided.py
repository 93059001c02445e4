"""Guided up-sampling on the device: `kernels/cuda/guided.cu`, specified by `kernels/reference/guided.py`."""

from __future__ import annotations

import numpy as np

from kernels.launch import Array, Extents, empty, over_pixels, require

MOST = 4
"""Largest radius: the tile in shared memory."""


def guided(
    pixels: Array,
    photos: Extents,
    coarse: Array,
    networks: Extents,
    radius: int,
    epsilon: float,
    *,
    out: Array | None = None,
) -> Array:
    """Up-sample a batch's `coarse` so that it follows the photos' edges, on the current stream.

    pixels [P, 3] uint8 sRGB of `photos`; coarse [Q] float32 in [0, 1] of `networks`, smaller or larger than its photo;
    radius 1 to 4, in pixels of `coarse`; returns [P] float32.
    """
    if not 1 <= radius <= MOST:
        raise ValueError(f"radius: {radius} is not within 1 and {MOST}")
    require("pixels", pixels, (photos.pixels, 3), "uint8")
    require("coarse", coarse, (networks.pixels,), "float32")
    out = empty(photos.pixels, "float32") if out is None else require("out", out, (photos.pixels,), "float32")
    count, reach = np.int32(len(photos.sizes)), np.int32(radius)
    photo, network = photos.on_device(), networks.on_device()
    small = empty((networks.pixels, 3), "uint8")
    lines, smoothed = empty((networks.pixels, 4), "float32"), empty((networks.pixels, 4), "float32")
    over_pixels("guided", "shrink", networks, (pixels, photo, network, count, small))
    over_pixels("guided", "solve", networks, (small, coarse, network, count, reach, np.float32(epsilon), lines))
    over_pixels("guided", "smooth", networks, (lines, network, count, reach, smoothed))
    over_pixels("guided", "apply", photos, (pixels, smoothed, network, photo, count, out))
    return out
