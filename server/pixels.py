"""Where the stages' pixel maths runs: the references on the host, or the kernels on a GPU, behind the same calls."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from kernels import composite as composite_kernel
from kernels import figures as figures_kernel
from kernels import launch
from kernels import letterbox as letterbox_kernel
from kernels import refine as refine_kernel
from kernels import relight as relight_kernel
from kernels import window as window_kernel
from kernels.launch import Extents, uploaded
from kernels.reference import composite as over
from kernels.reference import letterbox as letterboxed
from kernels.reference import refine, relight
from kernels.reference import window as windows
from kernels.reference.change import Change, change
from kernels.reference.composite import PRESENT, Frame
from kernels.reference.figures import Figures, figures
from kernels.reference.srgb import U8
from kernels.reference.window import Window

Array = Any
"""NumPy's on the host, CuPy's on a GPU."""
Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, right and bottom excluded."""


class Pixels(Protocol):
    """Operations on one photo. Arrays are where it runs; boxes, windows and figures are the host's."""

    def extent(self, alpha: Array) -> Box | None:
        """Return the box around what counts as the piece in an overview's alpha [h, w]: `window.extent`."""
        ...

    def bounds(self, alpha: Array) -> Box | None:
        """Return the box around the piece of an alpha [H, W]: `composite.bounds`."""
        ...

    def letterbox(self, pixels: Array, window: Window, size: int, mean: Any, scale: Any) -> Array:
        """Return a window of pixels [H, W, 3] as the network takes it, [3, size, size] float32: `letterbox`."""
        ...

    def composite(
        self, alpha: Array, foreground: Array, light: Array, place: Window, view: Frame, behind: Any, shadow: float
    ) -> Array:
        """Return the picture [h, w, 3] uint8 over a colour, or a picture from `brought`: `composite.composite`."""
        ...

    def cutout(self, alpha: Array, foreground: Array, light: Array, place: Window, view: Frame) -> Array:
        """Return the picture [h, w, 4] uint8, straight RGBA: `composite.cutout`."""
        ...

    def refined(self, pixels: Array, coarse: Array, strength: float) -> tuple[Array, Array, dict[str, Any]]:
        """Return alpha [H, W], foreground [H, W, 3] uint8 and the facts of it: `refine.refined`."""
        ...

    def figures(self, alpha: Array, reach: int) -> Figures:
        """Return what there is to say of an alpha [H, W]: `figures.figures`."""
        ...

    def any(self, alpha: Array) -> bool:
        """Return whether an alpha [H, W] is above 0 anywhere."""
        ...

    def seen(self, pixels: Array, alpha: Array, coarse: Array, window: Window, view: Window, side: int) -> Array:
        """Return what the relight network sees, [6, side, side]: `relight.seen`."""
        ...

    def followed(self, transforms: Array, shown: Array, metal: float, stone: float) -> Array:
        """Return the light [g, g, 12], the network's answer followed by these strengths: `relight.followed`."""
        ...

    def change(self, shown: Array, light: Array) -> Change | None:
        """Return how far the piece is changed; None where there is none: `change.change`."""
        ...

    def table(self, table: np.ndarray) -> Array:
        """Return a small table of the host's where the pixel maths runs."""
        ...

    def brought(self, picture: U8) -> tuple[Array, int]:
        """Return a picture of the host's [H, W, 3] where the pixel maths runs, and the bytes that it cost."""
        ...


class Host:
    """The NumPy and OpenCV references."""

    def extent(self, alpha: Array) -> Box | None:
        """See Pixels."""
        return windows.extent(alpha)

    def bounds(self, alpha: Array) -> Box | None:
        """See Pixels."""
        return over.bounds(alpha)

    def letterbox(self, pixels: Array, window: Window, size: int, mean: Any, scale: Any) -> Array:
        """See Pixels."""
        return letterboxed.letterbox(pixels[window.inside], size, mean, scale)

    def composite(
        self, alpha: Array, foreground: Array, light: Array, place: Window, view: Frame, behind: Any, shadow: float
    ) -> Array:
        """See Pixels."""
        return over.composite(alpha, foreground, light, place, view, behind, shadow)

    def cutout(self, alpha: Array, foreground: Array, light: Array, place: Window, view: Frame) -> Array:
        """See Pixels."""
        return over.cutout(alpha, foreground, light, place, view)

    def refined(self, pixels: Array, coarse: Array, strength: float) -> tuple[Array, Array, dict[str, Any]]:
        """See Pixels."""
        return refine.refined(pixels, coarse, strength)

    def figures(self, alpha: Array, reach: int) -> Figures:
        """See Pixels."""
        return figures(alpha, reach)

    def any(self, alpha: Array) -> bool:
        """See Pixels."""
        return bool(alpha.any())

    def seen(self, pixels: Array, alpha: Array, coarse: Array, window: Window, view: Window, side: int) -> Array:
        """See Pixels."""
        return relight.seen(pixels, alpha, coarse, window, view, side)

    def followed(self, transforms: Array, shown: Array, metal: float, stone: float) -> Array:
        """See Pixels."""
        return relight.followed(transforms, shown[3], shown[5], metal, stone)

    def change(self, shown: Array, light: Array) -> Change | None:
        """See Pixels."""
        return change(shown, light)

    def table(self, table: np.ndarray) -> Array:
        """See Pixels."""
        return table

    def brought(self, picture: U8) -> tuple[Array, int]:
        """See Pixels."""
        return picture, 0


class Device:
    """The kernels, on the current device and stream: batches of one photo."""

    def extent(self, alpha: Array) -> Box | None:
        """See Pixels. Waits for the stream."""
        return window_kernel.extent(*_packed(alpha))[0]

    def bounds(self, alpha: Array) -> Box | None:
        """See Pixels. Waits for the stream."""
        return window_kernel.bounds(*_packed(alpha), PRESENT)[0]

    def letterbox(self, pixels: Array, window: Window, size: int, mean: Any, scale: Any) -> Array:
        """See Pixels."""
        return letterbox_kernel.letterbox(*_packed(pixels), [window], size, mean, scale)[0]

    def composite(
        self, alpha: Array, foreground: Array, light: Array, place: Window, view: Frame, behind: Any, shadow: float
    ) -> Array:
        """See Pixels."""
        if isinstance(behind, tuple):
            behind = uploaded(np.array(behind, np.uint8).reshape(1, 1, 3))
        scene = _scene(alpha, foreground, light, place, view)
        made = composite_kernel.composite(scene, *_packed(behind), [shadow])
        return scene.canvases().split(made)[0]

    def cutout(self, alpha: Array, foreground: Array, light: Array, place: Window, view: Frame) -> Array:
        """See Pixels."""
        scene = _scene(alpha, foreground, light, place, view)
        return scene.canvases().split(composite_kernel.cutout(scene))[0]

    def refined(self, pixels: Array, coarse: Array, strength: float) -> tuple[Array, Array, dict[str, Any]]:
        """See Pixels. Waits for the stream."""
        return refine_kernel.refined(pixels, coarse, strength)

    def figures(self, alpha: Array, reach: int) -> Figures:
        """See Pixels. Waits for the stream."""
        return figures_kernel.figures(*_packed(alpha), [reach])[0]

    def any(self, alpha: Array) -> bool:
        """See Pixels. Waits for the stream."""
        return window_kernel.bounds(*_packed(alpha), 0.0)[0] is not None

    def seen(self, pixels: Array, alpha: Array, coarse: Array, window: Window, view: Window, side: int) -> Array:
        """See Pixels."""
        colours, photos = _packed(pixels)
        metal, maps = _packed(coarse[1])
        stone, _ = _packed(coarse[2])
        return relight_kernel.seen(colours, _packed(alpha)[0], photos, metal, stone, maps, [window], [view], side)[0]

    def followed(self, transforms: Array, shown: Array, metal: float, stone: float) -> Array:
        """See Pixels."""
        return relight_kernel.followed(transforms[None], shown[None], [(metal, stone)])[0]

    def change(self, shown: Array, light: Array) -> Change | None:
        """See Pixels. Waits for the stream."""
        return relight_kernel.change(shown[None], light[None])[0]

    def table(self, table: np.ndarray) -> Array:
        """See Pixels."""
        return uploaded(table)

    def brought(self, picture: U8) -> tuple[Array, int]:
        """See Pixels."""
        return launch.device.upload(np.ascontiguousarray(picture)), picture.nbytes


HOST, DEVICE = Host(), Device()


def contiguous(array: Array) -> Array:
    """Return the array, or a copy where it is not contiguous (C order)."""
    return array if array.flags.c_contiguous else array.copy()


def _packed(picture: Array) -> tuple[Array, Extents]:
    """Return a picture [H, W, ...] as a batch of one, [P, ...], and its extents."""
    height, width = picture.shape[:2]
    return contiguous(picture).reshape(height * width, *picture.shape[2:]), Extents(((height, width),))


def _scene(alpha: Array, foreground: Array, light: Array, place: Window, view: Frame) -> composite_kernel.Scene:
    coverage, photos = _packed(alpha)
    cells, grids = _packed(light)
    return composite_kernel.Scene(coverage, _packed(foreground)[0], photos, cells, grids, [place], [view])
