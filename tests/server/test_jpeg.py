from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from server.jpeg import APP0, APP1, APP2, header, joined, segment, tagged
from server.jpeg import doubled as with_doubled_steps

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(array: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.fixture
def picture(rng):
    """Smooth colours; sides are no multiples of 8."""
    return cv2.GaussianBlur(rng.integers(0, 256, (53, 71, 3), dtype=np.uint8), (0, 0), 3)


@pytest.mark.parametrize(
    "options",
    [{}, {"keep_rgb": True}, {"progressive": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}],
    ids=["jfif", "rgb", "progressive", "exif"],
)
def test_tags_are_found_and_pixels_stay(picture, options):
    plain = saved(picture, quality=90, **options)
    file = tagged(plain, SRGB, b"<x:xmpmeta/>")
    with Image.open(io.BytesIO(file)) as seen, Image.open(io.BytesIO(plain)) as before:
        assert seen.info["icc_profile"] == SRGB
        assert seen.info["xmp"] == b"<x:xmpmeta/>"
        np.testing.assert_array_equal(np.asarray(seen), np.asarray(before))
    markers = [found.marker for found in header(file)]
    jfif = [APP0] if "keep_rgb" not in options else []
    assert markers[: len(jfif) + 2] == [*jfif, APP1, APP2], "JFIF's segment must stay the first"


def test_nothing_to_tag_changes_nothing(picture):
    plain = saved(picture)
    assert tagged(plain, None, None) == plain


def test_a_tag_too_long_for_a_segment_is_refused(picture):
    with pytest.raises(ValueError, match="do not fit"):
        tagged(saved(picture), None, bytes(70_000))


def test_doubled_steps_double_the_distance_from_gray():
    """A block of one value has one coefficient: what decodes at 128 + 20 decodes at 128 + 40 of doubled steps."""
    flat = np.full((16, 16), 148, np.uint8)
    file = with_doubled_steps(saved(flat, quality=95))
    assert (np.asarray(Image.open(io.BytesIO(file))) == 168).all()


def planes_of(picture: np.ndarray, **options) -> list[bytes]:
    return [saved(np.ascontiguousarray(picture[..., c]), **options) for c in range(3)]


@pytest.mark.parametrize("decoder", ["pillow", "opencv", "simplejpeg"])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"restart_marker_blocks": 3}], ids=str)
def test_three_gray_files_become_one_of_colour(picture, decoder, options, decoders):
    """The coefficients are the gray files' own, so every channel decodes to exactly what its gray file does."""
    planes = planes_of(picture, quality=90, **options)
    seen = decoders[decoder](joined(planes))
    for channel, plane in enumerate(planes):
        np.testing.assert_array_equal(seen[..., channel], np.asarray(Image.open(io.BytesIO(plane))))


def test_restarts_in_one_plane_only_stay_in_it(picture, decoders):
    red, green, blue = planes_of(picture, quality=90)
    with_restarts = saved(np.ascontiguousarray(picture[..., 0]), quality=90, restart_marker_blocks=2)
    np.testing.assert_array_equal(
        decoders["pillow"](joined([with_restarts, green, blue])), decoders["pillow"](joined([red, green, blue]))
    )


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda planes, picture: [planes[0], planes[1], saved(picture[..., 2].copy(), quality=80)], "differ"),
        (lambda planes, picture: [planes[0], planes[1], saved(picture[:-1, :, 2].copy(), quality=90)], "differ"),
        (lambda planes, picture: [saved(picture, quality=90)] * 3, "one component"),
        (lambda planes, picture: [saved(picture[..., 0].copy(), progressive=True)] * 3, "sequential"),
    ],
    ids=["steps", "size", "colour", "progressive"],
)
def test_planes_that_do_not_belong_together_are_refused(picture, change, cause):
    with pytest.raises(ValueError, match=cause):
        joined(change(planes_of(picture, quality=90), picture))


@pytest.mark.parametrize("data", [b"", b"no jpeg", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(ValueError, match="JPEG"):
        list(header(data))


def test_segment_says_its_length():
    assert segment(APP1, b"abc") == b"\xff\xe1" + struct.pack(">H", 5) + b"abc"
