"""Launch kernels: `.cu` files compiled once per device by CuPy, batches of pictures of different sizes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

CUDA = Path(__file__).parent / "cuda"
TILE = (32, 8)
"""Pixels (x, y) of a block: `kernels/cuda/batch.cuh`."""

Array = Any
"""A CuPy array on the current device; in the tests, where the kernels run on the CPU, a NumPy array."""


Kernel = Callable[[tuple[int, ...], tuple[int, ...], tuple[Any, ...]], None]
"""Called with grid, block, arguments; every number among these is a NumPy scalar of the parameter's own size."""


class Cupy:
    """What a launcher needs of CuPy: memory, and kernels compiled once per device. Imported at the first use."""

    def allocate(self, count: int) -> Array:
        """Return uninitialised device memory of `count` bytes, [count] uint8."""
        import cupy as cp  # pyright: ignore[reportMissingImports]

        return cp.empty(count, "uint8")

    def upload(self, array: np.ndarray) -> Array:
        """Return a copy of a host array, on the current stream."""
        import cupy as cp  # pyright: ignore[reportMissingImports]

        return cp.asarray(array)

    def download(self, array: Array) -> np.ndarray:
        """Return a copy of a small device table on the host; waits for the current stream."""
        import cupy as cp  # pyright: ignore[reportMissingImports]

        return cp.asnumpy(array)

    def index(self) -> int:
        """Return the number of the current device."""
        import cupy as cp  # pyright: ignore[reportMissingImports]

        return cp.cuda.Device().id

    def wait(self) -> None:
        """Wait for the current stream: once per table that stays, so that every other stream may read it."""
        import cupy as cp  # pyright: ignore[reportMissingImports]

        cp.cuda.get_current_stream().synchronize()

    def function(self, file: str, name: str) -> Kernel:
        """Return a kernel of `kernels/cuda/FILE.cu` for the current device."""
        import cupy as cp  # pyright: ignore[reportMissingImports]

        return _compiled(file, cp.cuda.Device().id).get_function(name)


@cache
def _compiled(file: str, device: int) -> Any:
    import cupy as cp  # pyright: ignore[reportMissingImports]

    # CuPy keeps what it compiled on disk by source and options; what a source includes it does not look at.
    headers = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(CUDA.glob("*.cuh")))).hexdigest()
    options = ("--std=c++17", f"-I{CUDA}", f"-DHEADERS=0x{headers[:8]}")
    return cp.RawModule(code=(CUDA / f"{file}.cu").read_text(), options=options)


device = Cupy()
"""Where launchers run; the tests put the CPU in its place."""


@dataclass(slots=True)
class Copies:
    """Bytes that this process carried between host and device."""

    host_to_device: int = 0
    """Pictures, encoded or not."""
    device_to_host: int = 0
    tables: int = 0
    """Both ways: where pictures lie in a batch, colours, boxes, counts. A few kilobytes a photo."""

    def __sub__(self, before: Copies) -> Copies:
        return Copies(
            self.host_to_device - before.host_to_device,
            self.device_to_host - before.device_to_host,
            self.tables - before.tables,
        )


copies = Copies()
"""What was carried since the process began: whoever carries a picture adds to it."""


def uploaded(array: np.ndarray) -> Array:
    """Return a copy of a small host table in device memory, on the current stream."""
    copies.tables += array.nbytes
    return device.upload(np.ascontiguousarray(array))


def fetched(array: Array) -> np.ndarray:
    """Return a copy of a small device table on the host; waits for the current stream."""
    copies.tables += array.nbytes
    return device.download(array)


def pointer(array: Array) -> int:
    """Return the address of an array's memory."""
    return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr


def empty(shape: int | tuple[int, ...], dtype: str) -> Array:
    """Return uninitialised device memory."""
    shape = (shape,) if isinstance(shape, int) else shape
    return device.allocate(math.prod(shape) * np.dtype(dtype).itemsize).view(dtype).reshape(shape)


def zeros(shape: int | tuple[int, ...], dtype: str) -> Array:
    """Return zeroed device memory, on the current stream."""
    made = empty(shape, dtype)
    made[...] = 0
    return made


def require(name: str, array: Array, shape: tuple[int, ...], dtype: str) -> Array:
    """Return `array`; raise ValueError where it is not contiguous, of another shape or of another type."""
    if tuple(array.shape) != tuple(shape):
        raise ValueError(f"{name}: shape {tuple(array.shape)} instead of {tuple(shape)}")
    if array.dtype != np.dtype(dtype):
        raise ValueError(f"{name}: {array.dtype} instead of {dtype}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name}: not contiguous")
    return array


@dataclass(frozen=True, slots=True)
class Extents:
    """Where the pictures of a batch lie in one array of all their pixels, [pixels, ...]; a picture may have none."""

    sizes: tuple[tuple[int, int], ...]
    """(height, width) of each picture."""
    table: np.ndarray = field(init=False, compare=False)
    """[N, 4] int64: first pixel, height, width, first tile."""
    tiles: int = field(init=False, compare=False)
    pixels: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        table = np.zeros((len(self.sizes), 4), np.int64)
        first = tile = 0
        for row, (height, width) in zip(table, self.sizes, strict=True):
            row[:] = first, height, width, tile
            first += height * width
            tile += -(-height // TILE[1]) * -(-width // TILE[0])
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "tiles", tile)
        object.__setattr__(self, "pixels", first)

    def per_picture(self, size: Callable[[int, int], tuple[int, int]]) -> Extents:
        """Return the extents of pictures of other sizes, from each height and width."""
        return Extents(tuple(size(height, width) for height, width in self.sizes))

    def only(self, wanted: Callable[[int, int], bool]) -> Extents:
        """Return the same pictures in the same places, of which those not wanted by height and width have no tile."""
        chosen = Extents(self.sizes)
        tile = 0
        for row, (height, width) in zip(chosen.table, self.sizes, strict=True):
            row[3] = tile
            if wanted(height, width):
                tile += -(-height // TILE[1]) * -(-width // TILE[0])
            else:
                row[1:3] = 0
        object.__setattr__(chosen, "tiles", tile)
        return chosen

    def on_device(self) -> Array:
        """Return a copy of the table in device memory, on the current stream."""
        return uploaded(self.table)

    def split(self, packed: Array) -> list[Array]:
        """Return each picture's view [H, W, ...] of an array [pixels, ...]."""
        starts = self.table[:, 0]
        return [
            packed[start : start + height * width].reshape(height, width, *packed.shape[1:])
            for start, (height, width) in zip(starts, self.sizes, strict=True)
        ]


def over_pixels(file: str, name: str, extents: Extents, arguments: Sequence[Any]) -> None:
    """Launch a kernel with one thread per pixel of the batch, on the current stream."""
    if extents.tiles:
        device.function(file, name)((extents.tiles,), TILE, tuple(arguments))
