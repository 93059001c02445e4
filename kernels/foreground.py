"""Foreground colour on the device: `kernels/cuda/foreground.cu`, specified by `kernels/reference/foreground.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernels.launch import Array, Extents, empty, over_pixels, require, uploaded
from kernels.reference.foreground import FEW, MANY, SMALL


def foreground(
    pixels: Array, alpha: Array, extents: Extents, strength: Sequence[float] | None = None, *, out: Array | None = None
) -> Array:
    """Estimate F of I = a*F + (1-a)*B for a batch, on the current stream.

    pixels [P, 3] uint8 sRGB and alpha [P] float32 of all P pixels of `extents`; strength 0 to 1 of each
    picture, None: 1; returns [P, 3] uint8, straight.
    """
    require("pixels", pixels, (extents.pixels, 3), "uint8")
    require("alpha", alpha, (extents.pixels,), "float32")
    out = empty((extents.pixels, 3), "uint8") if out is None else require("out", out, (extents.pixels, 3), "uint8")
    count = np.int32(len(extents.sizes))
    levels = [(extents, extents.on_device(), pixels, alpha)]
    while levels[-1][0].pixels:
        below, table, image, coverage = levels[-1]
        # A picture that is one pixel has no coarser level: those of the others go on without it.
        above = below.per_picture(lambda h, w: (0, 0) if max(h, w) <= 1 else (-(-h // 2), -(-w // 2)))
        made = above, above.on_device(), empty((above.pixels, 3), "uint8"), empty(above.pixels, "float32")
        over_pixels("foreground", "halve", above, (image, coverage, table, made[1], count, made[2], made[3]))
        levels.append(made)
    _, parent_table, _, _ = levels.pop()
    parent = empty((1, 8), "uint8")
    for level, table, image, coverage in reversed(levels):
        layers = empty((level.pixels, 8), "uint8")
        over_pixels("foreground", "begin", level, (image, coverage, table, parent_table, count, parent, layers))
        for times, part in _sweeps(level):
            device = part.on_device()
            for step in range(2 * times):
                arguments = (image, coverage, device, count, np.int32(step % 2), layers)
                over_pixels("foreground", "sweep", part, arguments)
        parent, parent_table = layers, table
    share = uploaded(np.array([1.0] * int(count) if strength is None else strength, np.float32))
    over_pixels("foreground", "finish", extents, (pixels, alpha, levels[0][1], count, parent, share, out))
    return out


def _sweeps(level: Extents) -> list[tuple[int, Extents]]:
    """Return how often to sweep which pictures of a level: the small ones, the large ones."""
    parts = []
    for times, wanted in ((MANY, lambda h, w: max(h, w) <= SMALL), (FEW, lambda h, w: max(h, w) > SMALL)):
        chosen = level.only(wanted)
        if chosen.tiles:
            parts.append((times, chosen))
    return parts
