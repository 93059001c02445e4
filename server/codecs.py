"""Choose what decodes on a GPU (DALI, else nvImageCodec), and what makes JPEG files where pictures are."""

from __future__ import annotations

from importlib.util import find_spec

from server.card import NetInput
from server.device import Memory
from server.stages.decode import DeviceDecoder
from server.stages.encode import LIBJPEG, JpegCodec


def device_decoder(net: NetInput, memory: Memory, batch: int, threads: int) -> DeviceDecoder:
    """Return DALI's decoder where it is installed, else nvImageCodec's; raise ModuleNotFoundError without either."""
    if has_dali():
        from server.dali import DaliDecoder

        return DaliDecoder(net, memory, batch, threads)
    from server.nvimagecodec import NvImageCodecDecoder

    return NvImageCodecDecoder(net, memory)


def jpeg_codec(memory: Memory) -> JpegCodec:
    """Return nvJPEG for pictures on a GPU, libjpeg for those of the host."""
    if memory.device is None:
        return LIBJPEG
    from server.nvimagecodec import NvJpeg

    return NvJpeg(memory)


def has_dali() -> bool:
    """Return whether DALI is installed."""
    return find_spec("nvidia") is not None and find_spec("nvidia.dali") is not None
