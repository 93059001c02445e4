"""What the relight network is shown, and how far its answer is followed."""

from __future__ import annotations

import cv2
import numpy as np

from kernels.reference.composite import bounds
from kernels.reference.srgb import F32, U8, Plane
from kernels.reference.window import Window

ROOM = 1.1
"""Side of the square that the network sees, in longer sides of the piece."""
FAINT = np.float32(1e-3)
"""Weight of the bare ground in the mean colour of a pixel of the network's input, the solid piece's being 1."""
WHOLE = 2
"""Most pixels of a square that is made whole, in pixels of what it holds of the image. Beyond it the longer side is
resampled first: the square around a chain on a photo of 60,000 x 1,000 pixels would take 17 GB."""
IDENTITY = np.eye(3, 4, dtype=np.float32).ravel()
"""The affine colour transform [12] that changes nothing."""


def place(alpha: F32) -> Window:
    """Return the square around the piece, in photo pixels; it may reach beyond the photo. alpha [H, W]."""
    return square(bounds(alpha), alpha.shape)


def square(box: tuple[int, int, int, int] | None, shape: tuple[int, ...]) -> Window:
    """Return the square of `place` around the box that `bounds` found in an alpha of that shape."""
    height, width = shape
    left, top, right, bottom = box or (0, 0, width, height)
    side = max(1, round(ROOM * max(right - left, bottom - top)))
    return Window((left + right - side) // 2, (top + bottom - side) // 2, side, side)


def sampled(image: F32 | U8, window: Window, side: int) -> F32:
    """Resample a window of an image [H, W] or [H, W, C] to [side, side, ...] float32; 0 beyond the image.

    Averages areas where it shrinks, is bilinear where it enlarges.
    """
    height, width = image.shape[:2]
    top, left = max(0, window.top), max(0, window.left)
    bottom, right = min(height, window.top + window.height), min(width, window.left + window.width)
    if top >= bottom or left >= right:
        return np.zeros((side, side, *image.shape[2:]), np.float32)
    part = image[top:bottom, left:right]
    rows = top - window.top, window.top + window.height - bottom
    columns = left - window.left, window.left + window.width - right
    way = cv2.INTER_AREA if side < window.width else cv2.INTER_LINEAR
    if window.width * window.height <= WHOLE * part.shape[0] * part.shape[1]:
        steps = [((*rows, *columns), (side, side))]
    elif part.shape[0] < part.shape[1]:
        steps = [((0, 0, *columns), (side, part.shape[0])), ((*rows, 0, 0), (side, side))]
    else:
        steps = [((*rows, 0, 0), (part.shape[1], side)), ((0, 0, *columns), (side, side))]
    for rims, size in steps:
        if any(rims):
            part = cv2.copyMakeBorder(part, *rims, cv2.BORDER_CONSTANT, value=[0.0])
        part = cv2.resize(part, size, interpolation=way)
    return part.astype(np.float32)


def unmixed(pixels: U8, alpha: F32, view: Window, side: int) -> F32:
    """Return a square of the photo at [side, side, 3], sRGB in [0, 1]; where the piece is, its own colour.

    pixels [H, W, 3] uint8 sRGB; alpha [H, W]. A pixel of the square averages the photo's by alpha squared: a chain that
    is thinner than it shows the metal's colour, not that of the ground beside. The ground stays where nothing else is:
    it tells the light that the piece stood in. 0 beyond the photo.
    """
    top, left = max(0, view.top), max(0, view.left)
    inside = np.s_[top : view.top + view.height, left : view.left + view.width]
    square = Window(view.left - left, view.top - top, view.width, view.height)
    weight = alpha[inside] ** 2 + FAINT
    total = 255 * np.maximum(sampled(weight, square, side), FAINT / 64)
    planes: list[Plane] = [cv2.multiply(plane, weight, dtype=cv2.CV_32F) for plane in cv2.split(pixels[inside])]
    return np.dstack([sampled(plane, square, side) / total for plane in planes])


def seen(pixels: U8, alpha: F32, coarse: F32, window: Window, view: Window, side: int) -> F32:
    """Return the network's input [6, side, side] in [0, 1]: photo (sRGB) as of `unmixed`, alpha, metal, stone.

    pixels [H, W, 3] uint8 sRGB; alpha [H, W]; coarse [3, h, w]: the segmentation's maps of `window`; `view`: the square
    to be shown.
    """
    photo, covered = unmixed(pixels, alpha, view, side), sampled(alpha, view, side)
    part = part_of(coarse.shape[1:], window, view)
    kinds = [np.minimum(sampled(plane, part, side), covered) for plane in coarse[1:]]
    return np.concatenate([photo.transpose(2, 0, 1), np.stack([covered, *kinds])])


def part_of(shape: tuple[int, ...], window: Window, view: Window) -> Window:
    """Return `view` in the pixels of maps of that shape, which show `window`."""
    down, across = shape[0] / window.height, shape[1] / window.width
    return Window(
        round((view.left - window.left) * across),
        round((view.top - window.top) * down),
        max(1, round(view.width * across)),
        max(1, round(view.height * down)),
    )


def followed(transforms: F32, alpha: F32, stone: F32, metal_strength: float, stone_strength: float) -> F32:
    """Blend transforms [g, g, 12] with no change, in linear light: strength 1 follows the network, 0 the photo.

    alpha and stone [S, S] in [0, 1] tell what each cell holds.
    """
    cells = transforms.shape[:2]
    covered, stones = (cv2.resize(m, cells[::-1], interpolation=cv2.INTER_AREA) for m in (alpha, stone))
    share = (stones / np.maximum(covered, 1e-3)).clip(0, 1)
    strength = metal_strength + (stone_strength - metal_strength) * share[..., None]
    return IDENTITY + strength * (transforms - IDENTITY)
