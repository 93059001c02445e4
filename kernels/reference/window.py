"""Where in a photo the piece is: the window that the network looks at again, at the piece's own scale."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.srgb import F32

FAINT = 0.15
"""Alpha above which a pixel of the overview may be the piece: what is thin is faint there."""
SURE = 0.5
"""A connected part counts if it is that certain somewhere ..."""
LONG = 1 / 16
"""... or that long, as a share of the photo's longer side: a chain is faint from end to end, a speck is short."""
MARGIN, LEAST_MARGIN = 1 / 4, 1 / 32
"""Room on each side, as a share of the piece's longer side, and at least this share of the photo's."""
ENLARGED = 3
"""A window is enlarged at most so often to fill the network's input."""
WORTHWHILE = 0.9
"""Share of the photo's longer side above which the window gains too little and the whole photo is taken."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the photo, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """The index of the window's pixels in an array [H, W, ...]."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def choose(alpha: F32, height: int, width: int, size: int) -> Window:
    """Return the window that holds every part of the piece with a margin: a square, as far as the photo reaches.

    alpha [h, w] float32 in [0, 1], the network's answer to the whole photo, of `height` x `width` pixels, at low
    resolution; size is the side of the network's input in pixels. A square costs nothing, for the network's input is
    one. It is enlarged at most ENLARGED times to fill that input: a photo has no more detail than its pixels, but the
    network knows pieces best that fill its view (perf/results/refine-cpu.json). Where nothing was found, or the
    window would have more than WORTHWHILE of the photo's longer side, it is the whole photo.
    """
    return around(extent(alpha), alpha.shape, height, width, size)


def around(box: tuple[int, int, int, int] | None, shape: tuple[int, ...], height: int, width: int, size: int) -> Window:
    """Return the window of `choose` around the box that `extent` found in an alpha of that shape."""
    whole, longest = Window(0, 0, width, height), max(height, width)
    if box is None:
        return whole
    left, top, right, bottom = box * (np.array([width, height, width, height]) / np.tile(shape[::-1], 2))
    piece = max(right - left, bottom - top)
    side = max(size // ENLARGED, round(piece + 2 * max(MARGIN * piece, LEAST_MARGIN * longest)))
    if side > WORTHWHILE * longest:
        return whole
    w, h = min(side, width), min(side, height)
    x, y = round((left + right - w) / 2), round((top + bottom - h) / 2)
    return Window(min(max(x, 0), width - w), min(max(y, 0), height - h), w, h)


def extent(alpha: F32) -> tuple[int, int, int, int] | None:
    """Return (left, top, right, bottom) around all parts that count, right and bottom excluded; None if none does.

    alpha [h, w]. Parts are what hangs together (8-connected) above FAINT: each is taken whole, down to its faintest
    pixel, or not at all. No part is dropped for being smaller than another.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > FAINT).astype(np.uint8), connectivity=8)
    counts = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1) >= LONG * max(alpha.shape)
    counts[labels[alpha > SURE]] = True
    counts[0] = False  # what is not faint either
    if not counts.any():
        return None
    corners = stats[counts, : cv2.CC_STAT_HEIGHT + 1]
    low, high = corners[:, :2], corners[:, :2] + corners[:, 2:]
    left, top, right, bottom = np.concatenate([low.min(0), high.max(0)]).tolist()
    return left, top, right, bottom
