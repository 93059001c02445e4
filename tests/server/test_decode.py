from __future__ import annotations

import base64
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from kernels.reference.srgb import linear_to_srgb
from server.admission import Admission
from server.card import Card
from server.contract import BAD_IMAGE, BAD_LOOK, Look
from server.report import Report
from server.settings import Settings
from server.stages.decode import ORIENTATION, Decoder, Opened, plain_facts, read_photo, scene

SETTINGS = Settings()


def gradient(height=60, width=80) -> np.ndarray:
    """A smooth colour picture without symmetry, so that every orientation looks different."""
    y, x = np.mgrid[0:height, 0:width]
    return np.dstack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)]).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return read_photo(data, SETTINGS)[0]


PHOTO = Image.fromarray(gradient())


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        pytest.param(saved(PHOTO, "JPEG", quality=95, subsampling=0), 6, id="jpeg baseline"),
        pytest.param(saved(PHOTO, "JPEG", quality=95, subsampling=0, progressive=True), 6, id="jpeg progressive"),
        pytest.param(saved(PHOTO.convert("CMYK"), "JPEG", quality=98), 12, id="jpeg cmyk"),
        pytest.param(saved(PHOTO, "PNG"), 0, id="png"),
        pytest.param(saved(PHOTO.quantize(256), "PNG"), 40, id="png palette"),
        pytest.param(saved(PHOTO, "WEBP", lossless=True), 0, id="webp lossless"),
        pytest.param(saved(PHOTO, "WEBP", quality=95), 16, id="webp"),
        pytest.param(saved(PHOTO, "TIFF"), 0, id="tiff"),
        pytest.param(saved(PHOTO, "TIFF", compression="tiff_lzw"), 0, id="tiff lzw"),
        pytest.param(cv2.imencode(".png", gradient()[..., ::-1].astype(np.uint16) * 257)[1].tobytes(), 0, id="png 16"),
        pytest.param(
            cv2.imencode(".tiff", gradient()[..., ::-1].astype(np.uint16) * 257)[1].tobytes(), 0, id="tiff 16"
        ),
    ],
)
def test_formats(data, tolerance):
    """Lossless files come back to the byte; lossy ones within their quantisation."""
    assert np.abs(decoded(data).astype(int) - gradient()).max() <= tolerance


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(PHOTO.convert("L"), "JPEG", quality=100), id="jpeg"),
        pytest.param(saved(PHOTO.convert("L"), "PNG"), id="png 8"),
        pytest.param(
            cv2.imencode(".png", np.asarray(PHOTO.convert("L")).astype(np.uint16) * 257)[1].tobytes(), id="16"
        ),
    ],
)
def test_gray_becomes_three_equal_channels(data):
    pixels = decoded(data)
    assert np.abs(pixels.astype(int) - np.asarray(PHOTO.convert("L"))[..., None]).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(kind, orientation):
    """The file stores the picture as camera `orientation` would; what comes back is upright, whatever the format."""
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    data = saved(Image.fromarray(np.ascontiguousarray(undo(gradient()))), kind, exif=exif, **options)
    pixels, facts, _ = read_photo(data, SETTINGS)
    assert np.abs(pixels.astype(int) - gradient()).max() <= (4 if kind == "JPEG" else 0)
    assert (facts["height"], facts["width"], facts["orientation"]) == (60, 80, orientation)


def swapped_profile() -> bytes:
    """An ICC profile whose red and green primaries are swapped: no viewer can mistake it for sRGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    at = {bytes(profile[132 + 12 * k : 136 + 12 * k]): 132 + 12 * k for k in range(count)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_icc_profile_is_converted(kind):
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    pixels, facts, doubts = read_photo(saved(red, kind, icc_profile=swapped_profile(), **options), SETTINGS)
    assert np.abs(pixels.astype(int) - [0, 255, 0]).max() <= 3
    assert "test" in facts["icc"]
    assert not doubts


def test_srgb_profile_changes_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(decoded(saved(PHOTO, "PNG", icc_profile=srgb)), gradient())


def test_gray_photo_with_rgb_profile_is_converted():
    gray = Image.new("L", (32, 32), 100)
    pixels, _, doubts = read_photo(saved(gray, "PNG", icc_profile=swapped_profile()), SETTINGS)
    assert np.abs(pixels.astype(int) - 100).max() <= 2  # gray is gray, whichever primary is called red
    assert not doubts


def test_unreadable_profile_asks_for_review():
    pixels, facts, doubts = read_photo(saved(PHOTO, "PNG", icc_profile=b"no profile at all"), SETTINGS)
    np.testing.assert_array_equal(pixels, gradient())
    assert facts["icc"] == "unreadable"
    assert "ICC" in doubts[0]


def camera_exif(space: int, index: str) -> Image.Exif:
    """EXIF as a camera writes it: ColorSpace, and the Interoperability IFD below the Exif IFD (EXIF 2.3, DCF 2.0)."""
    exif = Image.Exif()
    exif[ORIENTATION] = 1
    exif.get_ifd(0x8769).update({0xA001: space, 0xA005: {1: index, 2: b"0100"}})
    return exif


def xyz_of(primaries: list[tuple[float, float]]) -> np.ndarray:
    """The matrix from linear light to XYZ of these primaries, x and y each, with white D65."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, [0.3127 / 0.3290, 1, 0.3583 / 0.3290])


def adobe_as_srgb(colour: tuple[int, int, int]) -> np.ndarray:
    """By the standards' primaries and curves, in float64."""
    linear = (np.array(colour) / 255) ** (563 / 256)
    adobe = xyz_of([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)])
    srgb = xyz_of([(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)])
    return linear_to_srgb(np.linalg.solve(srgb, adobe @ linear).astype(np.float32))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("colour", [(200, 150, 60), (90, 140, 110), (128, 128, 128), (255, 255, 255), (0, 0, 0)])
def test_adobe_rgb_that_only_exif_tells_is_converted(kind, colour):
    """A level for the profile's 16-bit numbers, one for JPEG."""
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    data = saved(Image.new("RGB", (32, 32), colour), kind, exif=camera_exif(0xFFFF, "R03"), **options)
    pixels, facts, doubts = read_photo(data, SETTINGS)
    assert np.abs(pixels.astype(int) - adobe_as_srgb(colour)).max() <= 2
    assert facts["icc"] == "Adobe RGB (EXIF)"
    assert not doubts


def test_adobe_rgb_differs_from_srgb_by_more_than_the_tolerance():
    assert np.abs(adobe_as_srgb((90, 140, 110)).astype(int) - (90, 140, 110)).max() > 20


@pytest.mark.parametrize(("space", "index"), [(1, "R98"), (0xFFFF, "R98"), (1, "R03"), (0xFFFF, "")])
def test_other_exif_is_srgb(space, index):
    data = saved(PHOTO, "PNG", exif=camera_exif(space, index))
    pixels, facts, _ = read_photo(data, SETTINGS)
    np.testing.assert_array_equal(pixels, gradient())
    assert facts["icc"] is None


def test_a_profile_goes_above_exif():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(PHOTO, "PNG", exif=camera_exif(0xFFFF, "R03"), icc_profile=srgb)
    pixels, facts, _ = read_photo(data, SETTINGS)
    np.testing.assert_array_equal(pixels, gradient())
    assert facts["icc"].startswith("sRGB")


def test_a_damaged_interoperability_ifd_is_srgb():
    exif = camera_exif(0xFFFF, "R03").tobytes()
    data = saved(PHOTO, "JPEG", exif=exif[: exif.index(b"R03") - 12])
    pixels, facts, _ = read_photo(data, SETTINGS)
    assert pixels.shape == (60, 80, 3)
    assert facts["icc"] is None


def test_adobe_rgb_by_exif_is_not_plain():
    """The GPU's lanes take every photo without a profile as sRGB."""
    for index, is_plain in (("R98", True), ("R03", False)):
        data = saved(PHOTO, "JPEG", exif=camera_exif(0xFFFF, index))
        assert bool(plain_facts(Opened(data, Image.open(io.BytesIO(data))))) is is_plain


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile_asks_for_review(kind):
    _, facts, doubts = read_photo(saved(PHOTO.convert("CMYK"), kind), SETTINGS)
    assert (facts["mode"], facts["icc"]) == ("CMYK", None)
    assert doubts == ["colour: CMYK without a profile; its colours are a guess"]
    assert not read_photo(saved(PHOTO, kind), SETTINGS)[2]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_over_white_in_linear_light(kind):
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[:, 10:, 3] = 128
    data = saved(Image.fromarray(rgba), kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    pixels, facts, _ = read_photo(data, SETTINGS)
    assert (pixels[:, :10] == 255).all()
    assert (pixels[:, 10:] == 187).all()  # 1 - 128/255 of white's light is 49.8 %, sRGB 187
    assert facts["input_alpha"] == "laid over white"


def test_palette_with_transparency_is_laid_over_white():
    image = Image.new("P", (20, 20), 0)
    image.putpalette([10, 20, 30])
    data = saved(image, "PNG", transparency=0)
    assert (decoded(data) == 255).all()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises `width` x `height` pixels and holds a thousand bytes of them."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    framed = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


JPEG = saved(PHOTO, "JPEG")


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again, `count` scans in all: 36 bytes cost a pass each."""
    data = saved(Image.new("RGB", (64, 48)), "JPEG", progressive=True)
    end, own = len(data) - 2, data.count(b"\xff\xda")
    last = data[data.rindex(b"\xff\xc4") : end]
    return data[:end] + last * (count - own) + data[end:]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"a text named ring.jpg", "not a JPEG, PNG, WebP or TIFF", id="text"),
        pytest.param(JPEG[: len(JPEG) // 2], "truncated", id="truncated jpeg"),
        pytest.param(saved(PHOTO, "PNG")[:-200], "truncated", id="truncated png"),
        pytest.param(saved(PHOTO, "WEBP")[:-200], "truncated", id="truncated webp"),
        pytest.param(saved(PHOTO, "TIFF")[:4000], "cannot be decoded", id="truncated tiff"),
        pytest.param(JPEG[:30], "truncated", id="header only"),
        pytest.param(saved(Image.new("RGB", (1, 1)), "PNG"), "1x1", id="one pixel"),
        pytest.param(png_header(30000, 30000), "900.0 megapixels", id="bomb"),
        pytest.param(scans(101), "more than 100 scans", id="scans"),
        pytest.param(saved(PHOTO, "GIF"), "not a JPEG, PNG, WebP or TIFF", id="gif"),
        pytest.param(saved(Image.new("F", (32, 32)), "TIFF"), "floating-point", id="float tiff"),
    ],
)
def test_bad_photos_are_refused_with_the_cause(data, cause):
    with pytest.raises(ValueError, match="^" + BAD_IMAGE) as refusal:
        decoded(data)
    assert cause in str(refusal.value)


def test_a_hundred_scans_are_a_photo_and_markers_behind_it_are_none():
    assert decoded(scans(100)).shape == (48, 64, 3)
    assert decoded(JPEG + 200 * b"\xff\xda").shape == decoded(JPEG).shape


def test_limits_are_settings():
    with pytest.raises(ValueError, match=r"megapixels, more than this server's limit of 0\.004"):
        read_photo(JPEG, Settings(max_megapixels=0.004))
    with pytest.raises(ValueError, match=r"limit of 0\.001 MB"):
        read_photo(JPEG, Settings(max_megabytes=0.001))


CARD = Card.model_validate(
    {
        "name": "any",
        "version": "1",
        "file": "any.onnx",
        "sha256": "00",
        "licence": "none",
        "input": {"name": "x", "size": 64, "overview": 32, "mean": [0.5, 0.5, 0.5], "scale": [0.5, 0.5, 0.5]},
        "alpha": {"output": "y", "channel": 0},
    }
)


def test_stage_answers_pixels_overview_and_report():
    wire = np.frombuffer(JPEG, np.uint8), np.frombuffer(b"{}", np.uint8)
    found = Decoder(CARD, SETTINGS, Admission(0, ""))(*wire)
    assert found["pixels"].shape == (60, 80, 3)
    assert found["overview"].shape == (3, 32, 32)
    assert found["overview"].dtype == np.float32
    facts = Report.read(found["report"]).facts
    assert facts["photo"]["bytes"] == len(JPEG)
    assert facts["models"]["segment"]["name"] == "any"


def test_stage_refuses_a_wrong_look_before_it_decodes():
    with pytest.raises(ValueError, match="^" + BAD_LOOK):
        Decoder(CARD, SETTINGS, Admission(0, ""))(
            np.frombuffer(b"not even a photo", np.uint8), np.frombuffer(b'{"a":1}', np.uint8)
        )


def mistyped(kind: int, count: int, value: bytes) -> bytes:
    """An EXIF block whose orientation is of another type: `kind`, `count` and four bytes, as TIFF 6 stores them."""
    entry = struct.pack("<HHI4s", 0x0112, kind, count, value)
    return b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + entry + bytes(4)


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(mistyped(7, 1, b"\x06\x00\x00\x00"), id="undefined"),
        pytest.param(mistyped(11, 1, struct.pack("<f", float("nan"))), id="not a number"),
        pytest.param(mistyped(3, 1, b"\x09\x00\x00\x00"), id="9"),
        pytest.param(b"Exif\x00\x00II*", id="cut short"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_damaged_orientation_is_upright_and_no_error(kind, exif):
    found = Decoder(CARD, SETTINGS, Admission(0, ""))(
        np.frombuffer(saved(PHOTO, kind, exif=exif), np.uint8), np.frombuffer(b"{}", np.uint8)
    )
    assert Report.read(found["report"]).facts["photo"]["orientation"] == 1
    assert found["pixels"].shape == (60, 80, 3)


class Door(Admission):
    """Counts whom it lets in."""

    entered = 0

    def enter(self) -> None:
        """Let all in."""
        self.entered += 1


def test_what_is_refused_at_once_does_not_count_as_waiting():
    door = Door(1, "")
    stage = Decoder(CARD, SETTINGS, door)
    photos = [np.frombuffer(data, np.uint8) for data in (b"not a photo", JPEG, JPEG)]
    looks = [np.frombuffer(data, np.uint8) for data in (b"{}", b'{"a":1}', b"{}")]
    assert [isinstance(answer, ValueError) for answer in stage.batch(photos, looks)] == [True, True, False]
    assert door.entered == 1


def test_a_scene_is_held_to_the_servers_limits():
    """Though the stages behind decode, which see only what it let pass, have none."""
    wanted = Look(scene=base64.b64encode(JPEG))
    with pytest.raises(ValueError, match=rf"^{BAD_LOOK}scene: 80x60 is .* limit of 0\.004"):
        scene(wanted, Settings(max_megapixels=0.004))
    assert scene(wanted).shape == (60, 80, 3)
