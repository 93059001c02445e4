"""encode: the picture to file bytes, tagged sRGB, its background exact in the decoded file."""

from __future__ import annotations

import io
import math

import numpy as np
import simplejpeg
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from kernels.reference.srgb import U8
from server.contract import BAD_LOOK, Look, parse_look
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
BLOCK = 8
"""Side of a JPEG block in pixels."""
HEADROOM = 256
"""Levels beyond the range from which the halved samples (127 levels) surely cannot hold any more margin."""

# Luminance table of ITU-T T.81, Annex K.1, in reading order: the base of every JPEG quality.
ANNEX_K = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def encode(picture: U8, look: U8, report: U8) -> dict[str, np.ndarray]:
    """Return the encoded image and the finished report. picture [h, w, 3] sRGB or [h, w, 4] straight RGBA."""
    found = Report.read(report)
    with found.stage("encode"):
        wanted = parse_look(look.tobytes())
        if wanted.matte and picture.shape[2] == 4:
            picture = picture[..., 3]
        if picture.ndim == 3 and picture.shape[2] == 4 and wanted.format == "jpeg":
            raise ValueError(f"{BAD_LOOK}format: jpeg has no alpha; ask a cutout as png or webp, or for its matte")
        relit = not found.facts.get("identity_safe", True)
        data = encoded(picture, wanted, RELIT if relit else STYLED if wanted.scene else None)
        shown = found.facts.setdefault("picture", {"width": picture.shape[1], "height": picture.shape[0], "scale": 1.0})
        shown |= {"format": wanted.format, "bytes": len(data)}
    found.close()
    return {"image": np.frombuffer(data, np.uint8), "report": found.write()}


def encoded(picture: U8, look: Look, source: str | None = None) -> bytes:
    """Return the file: PNG, lossless WebP, or JPEG. picture [h, w], [h, w, 3] or [h, w, 4] uint8 sRGB.

    source: IPTC digital source type, written as XMP; None for what shows the photo's own pixels on a plain ground.
    """
    tags = {"xmp": XMP.format(source).encode()} if source else {}
    if look.format == "jpeg" and picture.ndim == 3 and not look.scene:
        return jpeg(picture, look.rgb, look.quality, tags)
    out = io.BytesIO()
    image = Image.fromarray(picture)
    profile = SRGB if picture.ndim == 3 else None  # a matte is coverage, no colour
    if look.format == "png":
        info = PngInfo()
        if source:
            info.add_itxt("XML:com.adobe.xmp", XMP.format(source))
        # Level 1: larger files than the usual level 6, in about half the time; PNG is the slow format here.
        image.save(out, "PNG", compress_level=1, icc_profile=profile, pnginfo=info)
    elif look.format == "webp":
        image.save(out, "WEBP", lossless=True, method=0, quality=20, icc_profile=profile, **tags)
    else:
        image.save(out, "JPEG", quality=look.quality, subsampling=0, icc_profile=profile, **tags)
    return out.getvalue()


def jpeg(picture: U8, background: tuple[int, int, int], quality: int, tags: dict[str, bytes]) -> bytes:
    """Encode RGB so that every background pixel decodes to exactly its colour, wherever a channel of it is 0 or 255.

    Quantisation makes blocks at the piece's edge ring, and a white background comes back as 253 or 254. A decoder
    clamps to 0..255, so background samples are given a margin beyond the range, larger than the ringing (mozjpeg
    calls it overshoot deringing). Eight-bit samples have no room for it: the picture is encoded at half amplitude
    around mid-gray with half the quantisation steps, and the steps are doubled in the finished file. Colours are
    stored as RGB (Adobe marker, transform 0): in YCbCr the clamp acts before the colours are mixed, and a chroma
    error of 1 would still tint the white. The margin is doubled in the blocks that still ring, until none does.
    """
    steps = _steps(quality)
    exact = np.logical_and.reduce([picture[..., c] == background[c] for c in range(3)])
    outward = {c: 1 if background[c] == 255 else -1 for c in range(3) if background[c] in (0, 255)}
    target = picture.astype(np.int16)
    margin = _margin(steps)
    blocks = [np.s_[:, :]]
    while margin < HEADROOM:
        for block in blocks:
            for c, sign in outward.items():
                np.copyto(target[block][..., c], np.int16(background[c] + sign * margin), where=exact[block])
        data = _half_amplitude(target, steps, tags)
        seen = simplejpeg.decode_jpeg(data, "RGB")
        wrong = np.zeros_like(exact)
        for c in outward:
            wrong |= exact & (seen[..., c] != background[c])
        if not wrong.any():
            return data
        margin *= 2
        corners = np.unique(np.argwhere(wrong) // BLOCK * BLOCK, axis=0)
        blocks = [np.s_[top : top + BLOCK, left : left + BLOCK] for top, left in corners]
    raise RuntimeError(f"background pixels of the JPEG still ring at a margin of {margin // 2} levels")


def _steps(quality: int) -> np.ndarray:
    """Return the table's steps [8, 8] at an IJG quality of 50 to 100, made even, so that half of each is whole."""
    steps = np.clip((ANNEX_K * (200 - 2 * quality) + 50) // 100, 1, 254)
    return 2 * np.maximum(1, (steps + 1) // 2)


def _margin(steps: np.ndarray) -> int:
    """Return six standard deviations of a pixel's error under these steps (uniform error, orthonormal DCT).

    The constant is for decoders with a less exact inverse DCT than the one that this encoder checks itself with.
    """
    return math.ceil(6 * math.sqrt(float((steps.astype(float) ** 2).mean()) / 12)) + 4


def _half_amplitude(target: np.ndarray, steps: np.ndarray, tags: dict[str, bytes]) -> bytes:
    """Encode samples of any range [-127, 382] at half amplitude, then double the quantisation steps in the file."""
    halved = np.clip((target + 129) >> 1, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    table = (steps // 2).ravel().tolist()
    Image.fromarray(halved).save(out, "JPEG", qtables=[table], subsampling=0, keep_rgb=True, icc_profile=SRGB, **tags)
    data = bytearray(out.getvalue())
    at = 2
    while data[at + 1] != 0xDA:  # start of scan: no tables behind it
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDB:  # DQT: one byte of precision and number, then 64 steps, for each table
            for table_at in range(at + 4, at + 2 + length, 65):
                for k in range(table_at + 1, table_at + 65):
                    data[k] *= 2
        at += 2 + length
    return bytes(data)
