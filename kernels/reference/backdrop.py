"""The old background under and around the piece: pull-push interpolation (Gortler et al., "The Lumigraph", 1996)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.srgb import F32, U8, Plane

CELL = 8
"""Pixels per side of a cell: a wire that the network missed is a small part of one."""
SHADE = 0.3
"""A shadow leaves at least this share of the light."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """How far every pixel is from the old background, and what to make of that; [H, W] uint8 each.

    difference: distance in colour that a shadow does not explain; noise: how far the background is from its own
    estimate hereabouts (texture, grain, JPEG); known [h, w] float32: 1 for cells of certain background, else 0.
    """

    difference: U8
    noise: U8
    known: F32

    def usual(self, plane: U8) -> U8:
        """Return what is usual in the background hereabouts of a plane [H, W] uint8: the mean of the cells' highest."""
        height, width = self.known.shape
        even = ((0, height * CELL - plane.shape[0]), (0, width * CELL - plane.shape[1]))
        squares = np.pad(plane, even).reshape(height, CELL, width, CELL)
        highest = squares.max(1).max(2).astype(np.float32)
        return _enlarged(pull_push(highest[..., None], self.known), plane.shape)


def pull_push(values: F32, weight: F32) -> F32:
    """Fill `values` where `weight` is less than 1 from coarser and coarser averages of what is known.

    values [h, w, C]; weight [h, w] in [0, 1]; where nothing at all is known the answer is 0.
    """
    h, w = weight.shape
    if (h, w) == (1, 1):
        return values * (weight[..., None] > 0)
    half = -(-w // 2), -(-h // 2)
    even = ((0, 2 * half[1] - h), (0, 2 * half[0] - w))
    known = np.pad(weight, even)
    mass = cv2.resize(known, half, interpolation=cv2.INTER_AREA) * 4
    weighted = np.pad(values * weight[..., None], (*even, (0, 0)))
    total = cv2.resize(weighted, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1) * 4
    coarse = pull_push(total / np.maximum(mass, 1e-6)[..., None], np.minimum(mass, 1))
    smooth = cv2.resize(coarse, (2 * half[0], 2 * half[1]), interpolation=cv2.INTER_LINEAR)[:h, :w]
    return smooth.reshape(values.shape) + weight[..., None] * (values - smooth.reshape(values.shape))


def cells(plane: Plane) -> Plane:
    """Average squares of CELL px; the last row and column are repeated to whole cells."""
    height, width = plane.shape[:2]
    down, across = -(-height // CELL), -(-width // CELL)
    whole = cv2.copyMakeBorder(plane, 0, down * CELL - height, 0, across * CELL - width, cv2.BORDER_REPLICATE)
    return cv2.resize(whole, (across, down), interpolation=cv2.INTER_AREA).reshape(down, across, *plane.shape[2:])


def backdrop(pixels: U8, background: Plane) -> Backdrop:
    """Estimate the old background from the pixels that certainly are background.

    pixels [H, W, 3] uint8 sRGB; background [H, W] uint8, 255 where certain. Without any, nothing differs.
    """
    shape = background.shape
    known = (cells(background) == 255).astype(np.float32)
    if not known.any():
        nothing = np.zeros(shape, np.uint8)
        return Backdrop(nothing, nothing, known)
    colour = _enlarged(pull_push(cells(pixels).astype(np.float32), known), shape)
    plain = _distance(pixels, colour)
    light, table = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    shade = cv2.divide(light, np.maximum(table, 1), dtype=cv2.CV_32F)
    np.clip(shade, SHADE, 1, out=shade)
    difference = _distance(pixels, cv2.merge([cv2.multiply(c, shade, dtype=cv2.CV_8U) for c in cv2.split(colour)]))
    noise = _enlarged(pull_push(cells(plain).astype(np.float32)[..., None], known), shape)
    return Backdrop(difference, noise, known)


def _distance(one: Plane, other: Plane) -> Plane:
    """Return half the sum of the channels' differences, at most 255."""
    return cv2.transform(cv2.absdiff(one, other), np.full((1, 3), 0.5, np.float32)).reshape(one.shape[:2])


def _enlarged(field: Plane, shape: tuple[int, ...]) -> Plane:
    """Bring cells [h, w, C] to pixels [H, W, C], [H, W] for one channel, bilinearly."""
    height, width = shape
    size = field.shape[1] * CELL, field.shape[0] * CELL
    whole = cv2.resize(np.rint(field).clip(0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    return (
        whole.reshape(*whole.shape[:2], -1)[:height, :width].squeeze(-1)
        if field.shape[2] == 1
        else whole[:height, :width]
    )
