from __future__ import annotations

import base64
import io
import json
import re

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageCms

from server.contract import BAD_IMAGE, BAD_LOOK, Look
from server.report import Report
from server.stages.encode import encode, encoded


@pytest.mark.parametrize("decoder", ["pillow", "opencv"])
@pytest.mark.parametrize("quality", [50, 80, 95, 100])
@pytest.mark.parametrize("background", ["white", "#000000", "#ff00ff"])
def test_jpeg_background_is_exact_in_every_decoder(decoder, quality, background, jewel, decoders):
    look = Look(background=background, quality=quality)
    picture = jewel(look.rgb)
    seen = decoders[decoder](encoded(picture, look))
    assert (seen[(picture == look.rgb).all(-1)] == look.rgb).all()


@pytest.mark.parametrize("quality", [50, 80, 95, 100])
def test_jpeg_background_survives_the_fast_inverse_dct(quality, jewel):
    """The least exact decoder in use, on a piece of metal-like contrast (on pure noise its 16 bits overflow)."""
    picture = jewel((255, 255, 255))
    piece = (picture != 255).any(-1)
    picture[piece] = cv2.GaussianBlur(picture, (0, 0), 1.5)[piece]
    background = (picture == 255).all(-1)
    seen = simplejpeg.decode_jpeg(encoded(picture, Look(quality=quality)), "RGB", fastdct=True)
    assert (seen[background] == 255).all()


def test_an_ordinary_jpeg_is_not_exact(jewel, decoders):
    """What the overshoot is for: the same picture from an ordinary encoder rings into the white."""
    picture = jewel((255, 255, 255))
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=95, subsampling=0)
    seen = decoders["pillow"](out.getvalue())
    assert (seen[(picture == 255).all(-1)] != 255).any()


def test_jpeg_costs_the_piece_nothing(jewel, decoders):
    """Inside the piece the error is that of an ordinary JPEG of the same quality, to within 1 dB."""
    smooth = cv2.GaussianBlur(jewel((255, 255, 255)), (0, 0), 2)
    out = io.BytesIO()
    Image.fromarray(smooth).save(out, "JPEG", quality=95, subsampling=0)

    def psnr(data: bytes) -> float:
        inside = (smooth != 255).any(-1)
        difference = decoders["pillow"](data)[inside].astype(float) - smooth[inside]
        return float(10 * np.log10(255**2 / (difference**2).mean()))

    assert psnr(encoded(smooth, Look(quality=95))) > psnr(out.getvalue()) - 1


@pytest.mark.parametrize("kind", ["png", "webp"])
@pytest.mark.parametrize("channels", [3, 4])
def test_png_and_webp_are_lossless(rng, kind, channels):
    picture = rng.integers(0, 256, (33, 47, channels), dtype=np.uint8)
    picture[..., 3:] |= 1  # fully transparent pixels have no colour to keep
    seen = np.asarray(Image.open(io.BytesIO(encoded(picture, Look(format=kind)))))
    np.testing.assert_array_equal(seen, picture)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_every_file_is_tagged_srgb(kind, jewel):
    image = Image.open(io.BytesIO(encoded(jewel((255, 255, 255)), Look(format=kind))))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert ImageCms.getProfileDescription(profile).startswith("sRGB")


def wire(look: Look) -> tuple[np.ndarray, np.ndarray]:
    report = Report.begin()
    with report.stage("decode"):
        pass
    return np.frombuffer(look.to_bytes(), np.uint8), report.write()


def test_matte_is_gray(rng):
    picture = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    found = encode(picture, *wire(Look(format="png", matte=True)))
    seen = Image.open(io.BytesIO(found["image"].tobytes()))
    assert seen.mode == "L"
    assert "icc_profile" not in seen.info, "an RGB profile does not belong in a gray file"
    np.testing.assert_array_equal(np.asarray(seen), picture[..., 3])


def test_a_cutout_as_jpeg_is_the_callers_mistake(rng):
    with pytest.raises(ValueError, match=f"^{BAD_LOOK}format"):
        encode(rng.integers(0, 256, (20, 30, 4), dtype=np.uint8), *wire(Look()))


@pytest.mark.parametrize(("format", "longest"), [("webp", 16383), ("jpeg", 65500)])
def test_a_photo_too_long_for_the_format_is_refused_alone_and_told_what_to_ask_for(format, longest):
    """Photos of usual size are answered with this look: a BadLook would stop the client's whole run."""
    cause = (
        f"^{BAD_IMAGE}the picture is {longest + 1} pixels long, and no side of a {format} is .* {longest}; ask for png"
    )
    with pytest.raises(ValueError, match=cause):
        encode(np.zeros((2, longest + 1, 3), np.uint8), *wire(Look(format=format)))


def test_report_is_closed_with_size_and_times(jewel):
    found = encode(jewel((255, 255, 255)), *wire(Look()))
    facts = json.loads(found["report"].tobytes())
    assert facts["picture"] == {
        "width": 301,
        "height": 203,
        "scale": 1.0,
        "format": "jpeg",
        "bytes": len(found["image"]),
    }
    assert {"decode", "encode", "waiting", "total"} <= set(facts["timings_ms"])
    assert facts["timings_ms"]["total"] >= facts["timings_ms"]["encode"] > 0
    assert "trace" not in facts


def sources(data: bytes) -> list[str]:
    """Digital source types in a file's XMP."""
    image = Image.open(io.BytesIO(data))
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    text = xmp if isinstance(xmp, str) else xmp.decode()
    return re.findall("digitalsourcetype/([A-Za-z]+)", text)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_relit_and_styled_pictures_say_so(rng, format, jewel):
    """Google keeps such pictures from passing for plain photos; what shows the photo's own pixels carries no tag."""
    picture = jewel((255, 255, 255))

    def made(look: Look, safe: bool) -> list[str]:
        report = Report.begin()
        with report.stage("decode"):
            report.facts["identity_safe"] = safe
        wire = np.frombuffer(look.to_bytes(), np.uint8)
        return sources(encode(picture, wire, report.write())["image"].tobytes())

    scene = encoded(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8), Look(format="png"))
    styled = Look(format=format, scene=base64.b64encode(scene))
    assert made(Look(format=format), True) == []
    assert made(Look(format=format), False) == ["compositeWithTrainedAlgorithmicMedia"]
    assert made(styled, True) == ["compositeCapture"]
    assert made(styled, False) == ["compositeWithTrainedAlgorithmicMedia"]
