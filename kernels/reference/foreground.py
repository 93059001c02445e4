"""Foreground colour without the old background: Germer et al., "Fast Multi-Level Foreground Estimation" (2020).

Per level from coarse to fine, minimise (aF + (1-a)B - I)^2 + sum over the four neighbours n of
(EPSILON + |a - a_n|) * ((F - F_n)^2 + (B - B_n)^2), in place: first pixels of even row + column, then the odd.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.reference.srgb import F32, U8, Plane

EPSILON = 1e-5
"""Smoothness where alpha is flat."""
SMALL, MANY, FEW = 32, 10, 2
"""Levels of at most SMALL px a side are swept MANY times, larger ones FEW times."""

SQUARE = np.ones((3, 3), np.uint8)


def foreground(pixels: U8, alpha: F32, strength: float = 1.0) -> U8:
    """Estimate F of I = a*F + (1-a)*B; F = I where alpha is 1, white where no pixel next to it has alpha.

    pixels [H, W, 3] uint8 sRGB; alpha [H, W] float32 in [0, 1]; strength 0 to 1: how much of the way from I to F to go,
    in encoded colour; returns [H, W, 3] uint8 sRGB, straight.
    """
    images, alphas = [pixels], [alpha]
    while max(alphas[-1].shape) > 1:
        images.append(_half(images[-1]))
        alphas.append(_half(alphas[-1]))
    layers = np.zeros((1, 1, 8), np.uint8)
    for image, a in zip(reversed(images), reversed(alphas), strict=True):
        layers = _level(image, a, layers)
    front = layers.view(np.uint32)[..., 0].copy()
    del layers
    own = _words(pixels)
    if strength < 1:
        cv2.addWeighted(front.view(np.uint8), strength, own.view(np.uint8), 1 - strength, 0, dst=front.view(np.uint8))
    np.copyto(front, own, where=alpha == 1)
    np.copyto(front, np.uint32(0xFFFFFFFF), where=cv2.dilate((alpha > 0).astype(np.uint8), SQUARE) == 0)
    out: Plane = cv2.cvtColor(front.view(np.uint8).reshape(*alpha.shape, 4), cv2.COLOR_RGBA2RGB)
    return out


def _words(image: U8) -> NDArray[np.uint32]:
    """Return colours [h, w, 3] as one 32-bit word a pixel; the fourth byte means nothing."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2RGBA).view(np.uint32)[..., 0]


def _half(plane: np.ndarray) -> np.ndarray:
    """Average squares of 2x2; the last row and column of an odd size are repeated."""
    height, width = plane.shape[:2]
    even = cv2.copyMakeBorder(plane, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA).reshape(
        even.shape[0] // 2, even.shape[1] // 2, *plane.shape[2:]
    )


def _level(image: U8, alpha: F32, parent: U8) -> U8:
    """Refine one level; layers [h, w, 8] uint8 hold F in 0..2 and B in 4..6, as one 64-bit word a pixel."""
    height, width = alpha.shape
    words = np.empty((height, width), np.uint64)
    above = parent.view(np.uint64)[..., 0]
    for down in (0, 1):
        for across in (0, 1):
            part = words[down::2, across::2]
            part[...] = above[: part.shape[0], : part.shape[1]]
    layers = words.view(np.uint8).reshape(height, width, 8)
    own = _words(image)
    halves = layers.view(np.uint32)
    np.copyto(halves[..., 0], own, where=alpha == 1)
    np.copyto(halves[..., 1], own, where=alpha == 0)
    mixed = cv2.dilate(((alpha > 0) & (alpha < 1)).astype(np.uint8), SQUARE)
    where = np.flatnonzero(mixed)
    odd = (where // width + where) % 2 if width % 2 == 0 else where % 2
    sweeps = [_Sweep(own, alpha, where[odd == side]) for side in (0, 1)]
    flat = words.reshape(-1)
    for _ in range(MANY if max(height, width) <= SMALL else FEW):
        for sweep in sweeps:
            sweep(flat)
    return layers


class _Sweep:
    """Solves the pixels `where` of one level from their neighbours; what does not change is worked out once."""

    def __init__(self, own: NDArray[np.uint32], alpha: F32, where: NDArray[np.int64]) -> None:
        height, width = alpha.shape
        self.where = where
        row, column = np.divmod(where, width)
        self.neighbours = [
            np.where(column > 0, where - 1, where),
            np.where(column < width - 1, where + 1, where),
            np.where(row > 0, where - width, where),
            np.where(row < height - 1, where + width, where),
        ]
        flat = alpha.reshape(-1)
        a = flat[where]
        self.weights = [(np.float32(EPSILON) + np.abs(a - flat[n]))[:, None] for n in self.neighbours]
        total = np.sum(self.weights, axis=0)[:, 0]
        rest = 1 - a
        ff, fb, bb = a * a + total, a * rest, rest * rest + total
        inverse = 1 / (ff * bb - fb * fb)
        self.ff, self.fb, self.bb = ((x * inverse)[:, None] for x in (bb, -fb, ff))
        colour = own.reshape(-1)[where].view(np.uint8).reshape(-1, 4).astype(np.float32)
        self.mixed = np.concatenate([a[:, None] * colour, rest[:, None] * colour], axis=1)

    def __call__(self, words: NDArray[np.uint64]) -> None:
        known = self.mixed.copy()
        for neighbour, weight in zip(self.neighbours, self.weights, strict=True):
            known += weight * words[neighbour].view(np.uint8).reshape(-1, 8)
        f, b = known[:, :4], known[:, 4:]
        solved = np.concatenate([self.ff * f + self.fb * b, self.fb * f + self.bb * b], axis=1)
        solved = np.rint(np.clip(solved, 0, 255, out=solved), out=solved).astype(np.uint8)
        words[self.where] = solved.view(np.uint64)[:, 0]
