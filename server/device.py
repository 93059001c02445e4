"""Memory where the codecs leave and find pictures: a GPU's through CuPy, or the host's in the same calls."""

from __future__ import annotations

from typing import Any

import numpy as np


class Memory:
    """Arrays on one device, and the bytes of pictures that went there and back."""

    def __init__(self, device: int | None) -> None:
        """Take the GPU's number; None: the host's memory, where nothing has to be carried."""
        self.device = device
        self.host_to_device = 0
        self.device_to_host = 0
        if device is None:
            self.xp: Any = np
        else:
            import cupy  # pyright: ignore[reportMissingImports]

            self.xp = cupy

    @property
    def stream(self) -> int:
        """The current CUDA stream's handle."""
        return 0 if self.device is None else self.xp.cuda.get_current_stream().ptr

    def owned(self, tensor: Any) -> Any:
        """Return a copy of a library's tensor in memory of our own.

        A codec takes its memory back, and what it took from CUDA's virtual memory API cannot go to another process,
        as Triton's Python backend wants it. The copy costs a thousandth of the decoding.
        """
        return self.xp.array(tensor)

    def carried(self) -> tuple[int, int]:
        """Return the bytes that went to the device and to the host so far."""
        return self.host_to_device, self.device_to_host

    def count(self, *, to_device: int = 0, to_host: int = 0) -> None:
        """Count bytes that a library carries for us."""
        if self.device is not None:
            self.host_to_device += to_device
            self.device_to_host += to_host

    def upload(self, array: np.ndarray) -> Any:
        """Return the array on the device."""
        if self.device is None:
            return array
        self.count(to_device=array.nbytes)
        return self.xp.asarray(array)

    def download(self, array: Any) -> np.ndarray:
        """Return the array on the host, through pinned memory; waits for the current stream."""
        if self.device is None:
            return array
        import cupyx  # pyright: ignore[reportMissingImports]

        self.count(to_host=array.nbytes)
        return self.xp.asnumpy(array, out=cupyx.empty_pinned(array.shape, array.dtype))
