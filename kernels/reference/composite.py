"""Light, framing and the over operator (Porter and Duff 1984), all in linear light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kernels.reference.srgb import F32, U8, Plane, linear_to_srgb, srgb_to_linear
from kernels.reference.window import Window

CELL = 8
"""Canvas pixels a side of a cell of the contact shadow: it is soft, so it has no detail to lose."""
REACH = 80
"""How far the shadow reaches, and lies below the piece: one of so many parts of the canvas's longer side."""
PRESENT = 0.25
"""Alpha above which a pixel counts as the piece when it is framed."""

STRIP = 32
"""Rows that are relit at a time."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the picture looks at the photo: a window of the photo, in its pixels, and the canvas that shows it."""

    left: int
    top: int
    width: int
    height: int
    canvas: tuple[int, int]

    @property
    def scale(self) -> float:
        """Canvas pixels per photo pixel."""
        return self.canvas[0] / self.width


def bounds(alpha: F32, limit: float = PRESENT) -> tuple[int, int, int, int] | None:
    """Return (left, top, right, bottom) of the piece in pixels, right and bottom excluded; None where there is none.

    alpha [H, W], of which all above `limit` counts.
    """
    present = alpha > limit
    rows, columns = np.flatnonzero(present.any(1)), np.flatnonzero(present.any(0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def frame(alpha: F32, canvas: tuple[int, int] | None, fill: float, upscale: bool) -> Frame:
    """Choose the window that centres the piece and lets it span `fill` of the canvas on its tighter axis.

    alpha [H, W]; canvas (width, height) in pixels, None for the photo's own framing. Without `upscale`, a piece
    with too few pixels keeps them as they are and the canvas shrinks, in its own proportions, to hold `fill`.
    """
    return framed(bounds(alpha) if canvas else None, alpha.shape, canvas, fill, upscale)


def framed(
    box: tuple[int, int, int, int] | None,
    shape: tuple[int, ...],
    canvas: tuple[int, int] | None,
    fill: float,
    upscale: bool,
) -> Frame:
    """Return the window of `frame` around the box that `bounds` found in an alpha of that shape."""
    height, width = shape
    if canvas is None:
        return Frame(0, 0, width, height, (width, height))
    left, top, right, bottom = box or (0, 0, width, height)
    scale = fill * min(canvas[0] / (right - left), canvas[1] / (bottom - top))
    if scale > 1 and not upscale:
        canvas = max(1, round(canvas[0] / scale)), max(1, round(canvas[1] / scale))
        scale = 1.0
    w, h = max(1, round(canvas[0] / scale)), max(1, round(canvas[1] / scale))
    return Frame(round((left + right - w) / 2), round((top + bottom - h) / 2), w, h, canvas)


def relit(foreground: F32, light: F32, part: Window | None = None, size: tuple[int, int] | None = None) -> F32:
    """Apply a grid of affine colour transforms, up-sampled bilinearly: F' = M . F + t.

    foreground [H, W, 3] linear light: the `part` of what the grid spans, whose `size` is (height, width); all of it
    without these. light [h, w, 12], each a row-major 3x4 matrix [M | t].
    """
    height, width = size or foreground.shape[:2]
    part = part or Window(0, 0, width, height)
    if light.shape[:2] == (1, 1):
        matrix = light.reshape(3, 4)
        unchanged = np.array_equal(matrix, np.eye(3, 4))
        return foreground if unchanged else foreground @ matrix[:, :3].T + matrix[:, 3]
    # Rows of the grid first, then strips that stay in the cache. cv2.resize takes at most four channels at a time.
    tall = [cv2.resize(np.ascontiguousarray(light[..., 4 * c : 4 * c + 4]), (light.shape[1], height)) for c in range(3)]
    across = np.s_[part.left : part.left + part.width]
    out = np.empty_like(foreground)
    for top in range(0, part.height, STRIP):
        red, green, blue = cv2.split(foreground[top : top + STRIP])
        lit = []
        for rows in tall:
            strip = rows[part.top + top : part.top + min(top + STRIP, part.height)]
            wide = cv2.resize(strip, (width, len(strip)))[:, across]
            r, g, b, t = cv2.split(wide)
            lit.append(r * red + g * green + b * blue + t)
        out[top : top + STRIP] = cv2.merge(lit)
    return out


def contact(alpha: F32, view: Frame) -> F32:
    """Return the density [h, w] in [0, 1] of a contact shadow, in cells of the canvas.

    alpha [H, W]. The coverage, softened by a tent and moved down, both by one of REACH parts of the longer side: dense
    right below the piece, 0 from two such parts on.
    """
    width, height = (
        min(-(-canvas // CELL), own) for canvas, own in zip(view.canvas, (view.width, view.height), strict=True)
    )
    coverage: Plane = cv2.resize(_window(alpha, view), (width, height), interpolation=cv2.INTER_AREA)
    reach = max(1, (2 * max(height, width) + REACH) // (2 * REACH))
    tent = (reach + 1 - np.abs(np.arange(-reach, reach + 1, dtype=np.float32))) / (reach + 1) ** 2
    # Moved first: what the softening spreads beyond the upper edge falls on the canvas again.
    above = cv2.copyMakeBorder(coverage, reach, 0, 0, 0, cv2.BORDER_CONSTANT)[:height]
    soft: Plane = cv2.sepFilter2D(above, -1, tent, tent, borderType=cv2.BORDER_CONSTANT)
    return soft


def composite(
    alpha: F32,
    foreground: U8,
    light: F32,
    place: Window,
    view: Frame,
    background: tuple[int, int, int] | U8,
    shadow: float = 0.0,
) -> U8:
    """Relight, frame and lay over a colour or a picture: a*F' + (1-a)*(1-s)*B, straight alpha, linear light.

    alpha [H, W] float32 in [0, 1]; foreground [H, W, 3] uint8 sRGB; light [h, w, 12] spans `place` in photo pixels,
    beyond which nothing is relit; background sRGB 0..255, one colour or [canvas height, canvas width, 3];
    shadow 0 to 1: s is that share of `contact`'s density, 0 for none. Returns [canvas height, canvas width, 3] uint8
    sRGB. Where alpha and shadow are 0 the background is exact.
    """
    *colour, coverage = _framed(alpha, foreground, light, place, view)
    rest = 1 - coverage
    if shadow:
        rest *= 1 - np.float32(shadow) * cv2.resize(contact(alpha, view), view.canvas, interpolation=cv2.INTER_LINEAR)
    behind = np.moveaxis(srgb_to_linear(np.asarray(background, np.uint8)), -1, 0)
    # Every sRGB byte survives the way to linear light and back, so where alpha is 0 this is the background's own.
    return np.dstack([linear_to_srgb(c + rest * b) for c, b in zip(colour, behind, strict=True)])


def cutout(alpha: F32, foreground: U8, light: F32, place: Window, view: Frame) -> U8:
    """Relight and frame without a background: straight RGBA [canvas height, canvas width, 4] uint8 sRGB."""
    *colour, coverage = _framed(alpha, foreground, light, place, view)
    scale = 1 / np.maximum(coverage, np.float32(1e-6))
    picture = np.dstack([*(linear_to_srgb(c * scale) for c in colour), np.rint(coverage * 255).astype(np.uint8)])
    picture[coverage == 0, :3] = 255
    return picture


def _lit(foreground: U8, light: F32, place: Window, top: int, left: int) -> F32:
    """Return a part [h, w, 3] of the photo, whose corner is at `top`, `left`, relit in linear light."""
    colour = srgb_to_linear(foreground)
    height, width = colour.shape[:2]
    y0, x0 = max(top, place.top), max(left, place.left)
    y1, x1 = min(top + height, place.top + place.height), min(left + width, place.left + place.width)
    if y0 >= y1 or x0 >= x1 or np.array_equal(light, np.eye(3, 4).reshape(1, 1, 12)):
        return colour
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    part = Window(x0 - place.left, y0 - place.top, x1 - x0, y1 - y0)
    colour[inside] = relit(colour[inside], light, part, (place.height, place.width))
    return colour


def _framed(alpha: F32, foreground: U8, light: F32, place: Window, view: Frame) -> list[F32]:
    """Return the window at canvas size as four planes [h, w]: premultiplied linear red, green, blue, and alpha.

    Shrinking averages areas of premultiplied light: a 1-px chain fades evenly and never breaks up.
    """
    height, width = alpha.shape
    top, left = max(0, view.top), max(0, view.left)
    bottom, right = min(height, view.top + view.height), min(width, view.left + view.width)
    a = alpha[top:bottom, left:right]
    colour = _lit(foreground[top:bottom, left:right], light, place, top, left)
    shrinks = view.canvas[0] < view.width
    planes = []
    for plane in (*(channel * a for channel in cv2.split(colour)), a):
        window = np.zeros((view.height, view.width), np.float32)
        window[top - view.top : bottom - view.top, left - view.left : right - view.left] = plane
        if view.canvas != (view.width, view.height):
            window = cv2.resize(window, view.canvas, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        planes.append(np.clip(window, 0, 1))
    return planes


def _window(plane: F32, view: Frame) -> F32:
    """Return the view's window of a plane [H, W], 0 beyond the photo."""
    height, width = plane.shape
    top, left = max(0, view.top), max(0, view.left)
    inside = plane[top : view.top + view.height, left : view.left + view.width]
    below, right = view.top + view.height - height, view.left + view.width - width
    border = (max(0, -view.top), max(0, below)), (max(0, -view.left), max(0, right))
    return np.pad(inside, border)
