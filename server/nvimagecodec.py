"""nvImageCodec: JPEG decoded and encoded on a GPU by nvJPEG, or on the CPU by the same calls, as the tests do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nvidia import nvimgcodec as _nvimgcodec  # pyright: ignore[reportMissingImports]

from kernels.reference.letterbox import fitted
from server.card import NetInput
from server.device import Memory
from server.jpeg import doubled, joined, luminance_steps

# Its names are made when it is imported, where no type checker sees them.
nvimgcodec: Any = _nvimgcodec


class NvImageCodecDecoder:
    """JPEG files to pixels and overviews, a batch at a time: what DALI does, where DALI is missing."""

    name = "nvimagecodec"

    def __init__(self, net: NetInput, memory: Memory) -> None:
        self._net, self.memory = net, memory
        # The CPU's libjpeg smooths chroma when it enlarges it; without this nvJPEG repeats it.
        self._decoder = nvimgcodec.Decoder(**_where(memory), options=":fancy_upsampling=1")
        self._params = nvimgcodec.DecodeParams(color_spec=nvimgcodec.SRGB, sample_format=nvimgcodec.I_RGB)

    def __call__(self, photos: Sequence[bytes], sizes: Sequence[tuple[int, int]]) -> list[tuple[Any, Any] | None]:
        """See server.stages.decode.DeviceDecoder."""
        self.memory.count(to_device=sum(map(len, photos)))
        images = self._decoder.decode(list(photos), params=self._params, cuda_stream=self.memory.stream)
        return [image and self._letterboxed(self.memory.owned(image)) for image in images]

    def _letterboxed(self, pixels: Any) -> tuple[Any, Any]:
        """Return pixels and overview: kernels.reference.letterbox as two matrix products, rounded as it rounds."""
        net, xp = self._net, self.memory.xp
        height, width = fitted(pixels.shape[0], pixels.shape[1], net.overview)
        rows = resampling(pixels.shape[0], height, xp) @ pixels.reshape(pixels.shape[0], -1).astype(np.float32)
        small = resampling(pixels.shape[1], width, xp) @ rows.reshape(height, -1, 3)
        overview = xp.zeros((3, net.overview, net.overview), np.float32)
        overview[:, :height, :width] = xp.rint(small).clip(0, 255).transpose(2, 0, 1)
        for plane, mean, scale in zip(overview, net.mean, net.scale, strict=True):
            plane *= np.float32(1 / (255 * scale))
            plane -= np.float32(mean / scale)
        return pixels, overview


def resampling(before: int, after: int, xp: Any) -> Any:
    """Return the weights [after, before] float32 that resample a line: by area where it shrinks, else linear."""
    step = before / after
    rows, columns = xp.arange(after)[:, None], xp.arange(before)[None]
    if after < before:
        begin = rows * step
        weights = (xp.minimum(begin + step, columns + 1) - xp.maximum(begin, columns)).clip(0, None)
    else:
        weights = (1 - abs(((rows + 0.5) * step - 0.5).clip(0, before - 1) - columns)).clip(0, None)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


class NvJpeg:
    """JPEG files of pictures on a GPU: server.stages.encode.JpegCodec.

    nvImageCodec takes no quantisation table and no RGB without conversion, so an RGB file is made of three gray ones,
    whose luminance table is that of the quality. It is baseline, with a scan for each component.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._encoder = nvimgcodec.Encoder(**_where(memory))
        self._decoder = nvimgcodec.Decoder(**_where(memory))
        self._gray = nvimgcodec.DecodeParams(color_spec=nvimgcodec.GRAY, sample_format=nvimgcodec.I_Y)

    def plain(self, picture: Any, quality: int) -> bytes:
        """See JpegCodec."""
        return self._encoded([picture], quality)[0]

    def halved_steps(self, quality: int) -> np.ndarray:
        """Return the steps at the quality between this and 100: never coarser than half of it."""
        return luminance_steps(_between(quality))

    def halved(self, samples: Any, quality: int) -> tuple[bytes, Any]:
        """See JpegCodec."""
        planes = [doubled(data) for data in self._encoded([samples[..., c] for c in range(3)], _between(quality))]
        seen = self._decoder.decode(planes, params=self._gray, cuda_stream=self.memory.stream)
        if None in seen:
            raise RuntimeError("nvImageCodec does not decode its own gray JPEG")
        # The check reads the file once more: it goes to the device again.
        self.memory.count(to_device=sum(map(len, planes)))
        return joined(planes), self.memory.xp.concatenate([self.memory.owned(plane) for plane in seen], axis=2)

    def _encoded(self, pictures: Sequence[Any], quality: int) -> list[bytes]:
        """Return one file per picture [h, w] or [h, w, 3], all of one kind."""
        subsampling = nvimgcodec.CSS_GRAY if pictures[0].ndim == 2 else nvimgcodec.CSS_444
        params = nvimgcodec.EncodeParams(
            quality_type=nvimgcodec.QUALITY, quality_value=quality, chroma_subsampling=subsampling
        )
        stream = self.memory.stream
        images = [nvimgcodec.as_image(self.memory.xp.ascontiguousarray(each), cuda_stream=stream) for each in pictures]
        made = self._encoder.encode(images, "jpeg", params=params, cuda_stream=stream)
        if None in made:
            raise RuntimeError(f"nvImageCodec does not encode a picture of shape {pictures[0].shape}")
        files = [bytes(each) for each in made]
        self.memory.count(to_host=sum(map(len, files)))
        return files


def _between(quality: int) -> int:
    return (quality + 101) // 2


def _where(memory: Memory) -> dict[str, Any]:
    """Return the device and the backends that work in this memory."""
    if memory.device is not None:
        return {"device_id": memory.device}
    return {
        "device_id": nvimgcodec.NVIMGCODEC_DEVICE_CPU_ONLY,
        "backends": [nvimgcodec.Backend(nvimgcodec.BackendKind.CPU_ONLY)],
    }
