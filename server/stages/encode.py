"""encode: the picture to file bytes, tagged sRGB, its background exact in the decoded file."""

from __future__ import annotations

import io
import math
from typing import Any, Protocol

import numpy as np
import simplejpeg
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from kernels.reference.srgb import U8
from server.contract import BAD_IMAGE, BAD_LOOK, NO_ALPHA, Look, parse_look
from server.device import Memory
from server.jpeg import doubled, luminance_steps, tagged
from server.report import Report

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
RELIT, STYLED = CODES + "compositeWithTrainedAlgorithmicMedia", CODES + "compositeCapture"
"""IPTC digital source types: pixels that a trained network changed; several captures laid together."""
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    "<Iptc4xmpExt:DigitalSourceType>{}</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>"
)
LONGEST = {"jpeg": 65500, "png": 2**31 - 1, "webp": 16383}
"""The most pixels a side that each format, or the library that writes it, can hold."""
BLOCK = 8
"""Side of a JPEG block in pixels."""
HEADROOM = 256
"""Levels beyond the range from which the halved samples (127 levels) surely cannot hold any more margin."""


class JpegCodec(Protocol):
    """Makes JPEG files of pictures in its own memory: the host's by libjpeg, a GPU's by nvJPEG."""

    memory: Memory
    """Where its arrays are."""

    def plain(self, picture: Any, quality: int) -> bytes:
        """Return an ordinary file of picture [h, w] gray or [h, w, 3] sRGB (YCbCr, no subsampling), without tags."""
        ...

    def halved_steps(self, quality: int) -> np.ndarray:
        """Return the steps [8, 8] that `halved` quantises with: about half of those of `quality`."""
        ...

    def halved(self, samples: Any, quality: int) -> tuple[bytes, Any]:
        """Encode samples [h, w, 3] uint8, stored as RGB, and double the steps in the file.

        Returns the file, without tags, and what it decodes to, [h, w, 3] uint8.
        """
        ...


class LibJpeg:
    """JPEG on the CPU: Pillow's libjpeg-turbo encodes, simplejpeg's decodes."""

    memory = Memory(None)

    def plain(self, picture: U8, quality: int) -> bytes:
        """See JpegCodec."""
        return _saved(picture, quality=quality, subsampling=0)

    def halved_steps(self, quality: int) -> np.ndarray:
        """Return half the steps of `quality`, each rounded up, so that it divides the file's."""
        return (luminance_steps(quality) + 1) // 2

    def halved(self, samples: U8, quality: int) -> tuple[bytes, U8]:
        """See JpegCodec."""
        table = self.halved_steps(quality).ravel().tolist()
        data = doubled(_saved(samples, qtables=[table], subsampling=0, keep_rgb=True))
        return data, simplejpeg.decode_jpeg(data, "RGB")


LIBJPEG = LibJpeg()


def encode(picture: Any, look: U8, report: U8, codec: JpegCodec = LIBJPEG) -> dict[str, np.ndarray]:
    """Return the encoded image and the finished report. picture [h, w, 3] sRGB or [h, w, 4] straight RGBA.

    The picture is in the codec's memory, where it becomes a JPEG; PNG and WebP are made on the host.
    """
    found = Report.read(report)
    with found.stage("encode"):
        wanted = parse_look(look.tobytes())
        if wanted.matte and picture.shape[2] == 4:
            picture = picture[..., 3]
        if picture.ndim == 3 and picture.shape[2] == 4 and wanted.format == "jpeg":
            raise ValueError(f"{BAD_LOOK}format: jpeg {NO_ALPHA}")
        longest = max(picture.shape[:2])
        if longest > LONGEST[wanted.format]:
            # No look asks for so much: it is the size of a photo that keeps its own.
            raise ValueError(
                f"{BAD_IMAGE}the picture is {longest} pixels long, and no side of a {wanted.format} is longer than "
                f"{LONGEST[wanted.format]}; ask for png"
            )
        relit = not found.facts.get("identity_safe", True)
        before = codec.memory.carried()
        if wanted.format != "jpeg":
            picture = codec.memory.download(picture)
        data = encoded(picture, wanted, RELIT if relit else STYLED if wanted.scene else None, codec)
        to_device, to_host = codec.memory.carried()
        found.carried(host_to_device=to_device - before[0], device_to_host=to_host - before[1])
        shown = found.facts.setdefault("picture", {"width": picture.shape[1], "height": picture.shape[0], "scale": 1.0})
        shown |= {"format": wanted.format, "bytes": len(data)}
    found.close()
    return {"image": np.frombuffer(data, np.uint8), "report": found.write()}


def encoded(picture: U8, look: Look, source: str | None = None, codec: JpegCodec = LIBJPEG) -> bytes:
    """Return the file: PNG, lossless WebP, or JPEG. picture [h, w], [h, w, 3] or [h, w, 4] uint8 sRGB.

    source: IPTC digital source type, written as XMP; None for what shows the photo's own pixels on a plain ground.
    """
    xmp = XMP.format(source).encode() if source else None
    profile = SRGB if picture.ndim == 3 else None  # a matte is coverage, no colour
    if look.format == "jpeg":
        is_exact = picture.ndim == 3 and not look.scene
        data = jpeg(picture, look.rgb, look.quality, codec) if is_exact else codec.plain(picture, look.quality)
        return tagged(data, profile, xmp)
    out = io.BytesIO()
    image = Image.fromarray(picture)
    if look.format == "png":
        info = PngInfo()
        if source:
            info.add_itxt("XML:com.adobe.xmp", XMP.format(source))
        # Level 1: larger files than the usual level 6, in about half the time; PNG is the slow format here.
        image.save(out, "PNG", compress_level=1, icc_profile=profile, pnginfo=info)
    else:
        tags = {"xmp": xmp} if xmp else {}
        image.save(out, "WEBP", lossless=True, method=0, quality=20, icc_profile=profile, **tags)
    return out.getvalue()


def jpeg(picture: U8, background: tuple[int, int, int], quality: int, codec: JpegCodec = LIBJPEG) -> bytes:
    """Encode RGB so that every background pixel decodes to exactly its colour, wherever a channel of it is 0 or 255.

    Quantisation makes blocks at the piece's edge ring, and a white background comes back as 253 or 254. A decoder
    clamps to 0..255, so background samples are given a margin beyond the range, larger than the ringing (mozjpeg
    calls it overshoot deringing). Eight-bit samples have no room for it: the picture is encoded at half amplitude
    around mid-gray with half the quantisation steps, and the steps are doubled in the finished file. Colours are
    stored as RGB (Adobe marker, transform 0): in YCbCr the clamp acts before the colours are mixed, and a chroma
    error of 1 would still tint the white. The margin is doubled in the blocks that still ring, until none does.
    """
    exact = (picture[..., 0] == background[0]) & (picture[..., 1] == background[1]) & (picture[..., 2] == background[2])
    outward = {c: 1 if background[c] == 255 else -1 for c in range(3) if background[c] in (0, 255)}
    target = picture.astype(np.int16)
    margin = _margin(2 * codec.halved_steps(quality))
    ringing = exact
    while margin < HEADROOM:
        for c, sign in outward.items():
            codec.memory.xp.copyto(target[..., c], np.int16(background[c] + sign * margin), where=ringing)
        data, seen = codec.halved(((target + 129) >> 1).clip(0, 255).astype(np.uint8), quality)
        wrong = codec.memory.xp.zeros_like(exact)
        for c in outward:
            wrong |= exact & (seen[..., c] != background[c])
        if not wrong.any():
            return data
        margin *= 2
        ringing = exact & _whole_blocks(wrong, codec.memory.xp)
    raise RuntimeError(f"background pixels of the JPEG still ring at a margin of {margin // 2} levels")


def _whole_blocks(wrong: Any, xp: Any) -> Any:
    """Return [h, w] bool: every pixel of the blocks in which any is wrong."""
    height, width = wrong.shape
    padded = xp.pad(wrong, ((0, -height % BLOCK), (0, -width % BLOCK)))
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK).any((1, 3))
    return blocks.repeat(BLOCK, 0).repeat(BLOCK, 1)[:height, :width]


def _margin(steps: np.ndarray) -> int:
    """Return six standard deviations of a pixel's error under these steps (uniform error, orthonormal DCT).

    The constant is for decoders with a less exact inverse DCT than the one that this encoder checks itself with.
    """
    return math.ceil(6 * math.sqrt(float((steps.astype(float) ** 2).mean()) / 12)) + 4


def _saved(picture: U8, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", **options)
    return out.getvalue()
