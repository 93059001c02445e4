"""DALI: JPEG files decoded, upright and letterboxed on a GPU; on the CPU by the same pipeline in the tests."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from nvidia import dali as _dali  # pyright: ignore[reportMissingImports]
from nvidia.dali import fn as _fn  # pyright: ignore[reportMissingImports]

from kernels.reference.letterbox import fitted
from server.card import NetInput
from server.device import Memory

# Its names are made when it is imported, where no type checker sees them.
dali: Any = _dali
fn: Any = _fn
types: Any = _dali.types


@dali.pipeline_def
def decoding(net: NetInput, device: str) -> tuple[Any, Any]:
    """Define the pipeline: `photo` encoded bytes, `fitted` (height, width) in the overview; out: pixels, overview.

    Differs from kernels.reference.letterbox in one thing: DALI has no averaging by area, so it shrinks by a triangle
    of twice that width.
    """
    photo = fn.external_source(name="photo", dtype=types.UINT8, ndim=1)
    size = fn.external_source(name="fitted", dtype=types.FLOAT, ndim=1)
    # The CPU's libjpeg smooths chroma when it enlarges it; without this nvJPEG repeats it.
    pixels = fn.decoders.image(photo, device=device, output_type=types.RGB, jpeg_fancy_upsampling=True)
    small = fn.resize(pixels, size=size, interp_type=types.INTERP_TRIANGULAR)
    overview = fn.crop_mirror_normalize(
        small,
        crop=(net.overview, net.overview),
        crop_pos_x=0,
        crop_pos_y=0,
        out_of_bounds_policy="pad",
        fill_values=[-mean / scale for mean, scale in zip(net.mean, net.scale, strict=True)],  # black
        mean=[255 * mean for mean in net.mean],
        std=[255 * scale for scale in net.scale],
        dtype=types.FLOAT,
        output_layout="CHW",
    )
    return pixels, overview


class DaliDecoder:
    """JPEG files to pixels and overviews, a batch at a time."""

    name = "dali"

    def __init__(self, net: NetInput, memory: Memory, batch: int, threads: int) -> None:
        """Build the pipeline for at most `batch` photos; `threads` of the CPU parse and help."""
        self._net, self.memory, self._batch, self._threads = net, memory, batch, threads
        self._pipeline = self._built()

    def __call__(self, photos: Sequence[bytes], sizes: Sequence[tuple[int, int]]) -> list[tuple[Any, Any] | None]:
        """See server.stages.decode.DeviceDecoder. One that DALI cannot decode costs it the batch."""
        self.memory.count(to_device=sum(map(len, photos)))
        self._pipeline.feed_input("photo", [np.frombuffer(photo, np.uint8) for photo in photos])
        self._pipeline.feed_input("fitted", [np.array(fitted(*size, self._net.overview), np.float32) for size in sizes])
        try:
            pixels, overviews = self._pipeline.run()  # waits: what it returns is there
        except RuntimeError as failure:
            print(f"decode: DALI gave up a batch of {len(photos)}: {failure}", file=sys.stderr, flush=True)
            self._pipeline = self._built()  # the old one is not valid any more
            return [None] * len(photos)
        own = self.memory.owned
        return [(own(pixels[k]), own(overviews[k])) for k in range(len(photos))]

    def _built(self) -> Any:
        pipeline = decoding(
            self._net,
            "cpu" if self.memory.device is None else "mixed",
            batch_size=self._batch,
            num_threads=self._threads,
            device_id=self.memory.device,
            prefetch_queue_depth=1,  # a batch is asked for when its photos are there, and waited for
            exec_dynamic=True,
        )
        pipeline.build()
        return pipeline
