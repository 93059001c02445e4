"""The network's coverage of a piece to full-resolution alpha, and the piece's own colour."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

from kernels.reference.backdrop import Backdrop, backdrop
from kernels.reference.composite import bounds
from kernels.reference.filament import filament, ridges
from kernels.reference.foreground import foreground
from kernels.reference.guided import guided
from kernels.reference.openings import openings
from kernels.reference.specks import without_specks
from kernels.reference.srgb import F32, U8, Plane

Box = tuple[slice, slice]

RADIUS = 1
EPSILON = 1e-5
"""Guided filter: half window in network pixels, variance of colour below which the photo is flat."""
FLOOR, CEILING = 0.2, 0.8
"""Up-sampling spreads a step over a ramp: alpha below the floor is 0, above the ceiling 1, stretched between."""
NOTHING = 0.05
"""Network alpha at most this, and so two network pixels around: certain background."""
MARGIN = 0.04
"""Share of the photo's longer side that is looked at around what the network found: lost wires reach out."""


def refined(pixels: U8, coarse: F32, strength: float = 1.0) -> tuple[F32, U8, dict[str, Any]]:
    """Return alpha [H, W], foreground [H, W, 3] and the facts of it, of a photo and the network's maps of it [3, h, w].

    strength 0 to 1: how much of the old background's colour is taken out.
    Everything happens in the box of what the network found, and a margin; beyond it there is nothing.
    """
    height, width = pixels.shape[:2]
    alpha, colour = np.zeros((height, width), np.float32), np.full_like(pixels, 255)
    found = without_specks(coarse[0])
    box = around(found_in(found), coarse.shape[1:], height, width)
    inside = pixels[box]
    part = upsample(pixels, found, box)
    behind, hint, line = evidence(pixels, coarse, box)
    part, restored = filament(part, behind, hint, line)
    del behind, hint, line  # a third of the memory that the foreground takes
    alpha[box] = part
    colour[box] = foreground(inside, part, strength)
    return alpha, colour, {"restored": restored, "openings": asdict(openings(part))}


def upsample(pixels: U8, coarse: F32, box: Box = np.s_[:, :]) -> F32:
    """Bring the network's alpha [h, w] to the photo's size along its edges, exactly 0 and 1 where it is sure."""
    alpha = guided(pixels, np.ascontiguousarray(coarse), RADIUS, EPSILON, box)
    alpha -= FLOOR
    alpha *= 1 / (CEILING - FLOOR)
    return alpha.clip(0, 1, out=alpha)


def evidence(pixels: U8, coarse: F32, box: Box) -> tuple[Backdrop, U8, U8]:
    """Return the backdrop in the box, and the network's alpha and its lines there as bytes."""
    height, width = pixels.shape[:2]
    nothing = 255 * (cv2.dilate(coarse[0], np.ones((5, 5), np.uint8)) <= NOTHING).astype(np.uint8)
    background = cv2.resize(nothing, (width, height), interpolation=cv2.INTER_NEAREST)[box]
    alpha = np.rint(coarse[0] * 255).astype(np.uint8)
    planes: list[Plane] = [cv2.resize(plane, (width, height))[box] for plane in (alpha, ridges(alpha))]
    hint, line = planes
    return backdrop(pixels[box], background), hint, line


def found_in(coarse: F32) -> tuple[int, int, int, int] | None:
    """Return (left, top, right, bottom) of what the network found at all in its alpha [h, w]; None where nothing."""
    return bounds(coarse, NOTHING)


def around(box: tuple[int, int, int, int] | None, shape: tuple[int, ...], height: int, width: int) -> Box:
    """Return rows and columns of the photo around a box of the network's map of that shape, and the margin."""
    if box is None:
        return np.s_[:, :]
    left, top, right, bottom = box
    margin = MARGIN * max(height, width)
    down, across = height / shape[0], width / shape[1]
    return np.s_[
        max(0, int(top * down - margin)) : min(height, math.ceil(bottom * down + margin)),
        max(0, int(left * across - margin)) : min(width, math.ceil(right * across + margin)),
    ]
