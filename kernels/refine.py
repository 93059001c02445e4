"""Coverage to alpha and colour on the device: `kernels/cuda/refine.cu` and the kernels of each step.

Specified by `kernels/reference/refine.py`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from kernels.backdrop import backdrop
from kernels.filament import filament, ridges
from kernels.foreground import foreground
from kernels.guided import guided
from kernels.launch import Array, Extents, empty, fetched, over_pixels, require, uploaded, zeros
from kernels.openings import openings
from kernels.reference.openings import Openings
from kernels.reference.refine import CEILING, EPSILON, FLOOR, NOTHING, RADIUS, Box, around
from kernels.specks import without_specks
from kernels.window import bounds


def refined(pixels: Array, coarse: Array, strength: float = 1.0) -> tuple[Array, Array, dict[str, Any]]:
    """Return alpha [H, W], foreground [H, W, 3] and the facts of it, of one photo, on the current stream.

    pixels [H, W, 3] uint8 sRGB; coarse [3, h, w] float32, the network's maps of it; strength 0 to 1: how much of the
    old background's colour is taken out. Waits for the stream: a box and the counts come back.
    """
    height, width = pixels.shape[:2]
    require("pixels", pixels, (height, width, 3), "uint8")
    hint = coarse[0].copy().reshape(-1)
    maps, photo = Extents((coarse.shape[1:],)), Extents(((height, width),))
    found = without_specks(hint, maps)
    (extent,) = bounds(found, maps, NOTHING)
    box = around(extent, coarse.shape[1:], height, width)
    part = upsample(pixels, photo, found, maps)[box].copy()
    boxed = Extents((part.shape,))
    inside = pixels[box].copy().reshape(-1, 3)
    hints, lines, background = evidence(hint, maps, box, boxed, (height, width))
    behind = backdrop(inside, background, boxed)
    part, restored = filament(part.reshape(-1), behind, hints, lines)
    holes = openings(part, boxed)
    alpha, colour = zeros((height, width), "float32"), empty((height, width, 3), "uint8")
    colour[...] = 255
    alpha[box] = boxed.split(part)[0]
    colour[box] = boxed.split(foreground(inside, part, boxed, [strength]))[0]
    counts = fetched(holes)[0].tolist()
    return alpha, colour, {"restored": int(fetched(restored)[0]), "openings": asdict(Openings(*counts))}


def upsample(pixels: Array, photo: Extents, hint: Array, maps: Extents) -> Array:
    """Return the network's alpha, [h * w] float32, at the photo's size along its edges: [H, W]."""
    alpha = guided(pixels.reshape(-1, 3), photo, hint, maps, RADIUS, EPSILON)
    gain = np.float32(1 / (CEILING - FLOOR))
    over_pixels("refine", "stretch", photo, (photo.on_device(), np.int32(1), np.float32(FLOOR), gain, alpha))
    return photo.split(alpha)[0]


def evidence(
    alpha: Array, maps: Extents, box: Box, boxed: Extents, photo: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Return the network's alpha and its lines in the box, and where background is certain: bytes [P]."""
    table, count = maps.on_device(), np.int32(1)
    hint, nothing = (empty(maps.pixels, "uint8") for _ in range(2))
    over_pixels("refine", "prepare", maps, (alpha, table, count, hint, nothing))
    place = uploaded(np.array([[box[1].start or 0, box[0].start or 0, photo[1], photo[0]]], np.int32))
    hints, lines, background = (empty(boxed.pixels, "uint8") for _ in range(3))
    given = (hint, ridges(hint, maps), nothing, table, place, boxed.on_device(), count)
    over_pixels("refine", "enlarge", boxed, (*given, hints, lines, background))
    return hints, lines, background
