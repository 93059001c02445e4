"""decode: encoded bytes to upright sRGB pixels and a small overview of them for the network."""

from __future__ import annotations

import functools
import io
import math
import struct
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar

import cv2
import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from kernels.reference.letterbox import letterbox
from kernels.reference.srgb import U8, linear_to_srgb, srgb_to_linear
from server.admission import Admission
from server.adobe_rgb import ADOBE_RGB
from server.card import Card
from server.contract import BAD_IMAGE, BAD_LOOK, Look, parse_look
from server.device import Memory
from server.jpeg import EOI, has_more_scans
from server.report import Report
from server.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
JPEG = ("JPEG", "MPO")  # MPO: a JPEG with a second picture behind the first, as phones write it
SCANS = 100
"""Most scans of a JPEG, libtiff's limit too: each takes time by the photo's size and hardly a byte; usual are 10."""
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)
METADATA = (struct.error, SyntaxError, ValueError, OSError, EOFError, KeyError, TypeError)
"""What Pillow raises on damaged metadata."""
ADMITTED = Settings(max_megapixels=math.inf, max_megabytes=math.inf)
UNCALIBRATED = 0xFFFF
"""EXIF's ColorSpace of all that is not sRGB."""
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
SIXTEEN_BIT_GRAY = ("I;16", "I;16L", "I;16B")

# Our own limit is read from the header, see _open; Pillow's fixed one would only get in its way.
Image.MAX_IMAGE_PIXELS = None
Image.init()


class DeviceDecoder(Protocol):
    """Decodes plain photos on a GPU, a batch at a time."""

    name: str
    """What the report calls this lane."""
    memory: Memory
    """Where its arrays are."""

    def __call__(self, photos: Sequence[bytes], sizes: Sequence[tuple[int, int]]) -> list[tuple[Any, Any] | None]:
        """Return pixels [H, W, 3] uint8 upright and overview [3, s, s] float32 of each, on the device.

        sizes: (height, width) of each photo once it is upright, from its header. None in place of a photo that could
        not be decoded here: why, and whether at all, the CPU will tell.
        """
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """One photo whose header was read and is within the limits."""

    data: bytes
    image: Image.Image


@dataclass(frozen=True, slots=True)
class Decoded:
    """One photo's arrays, in the host's memory or a device's, and what the report says of it."""

    pixels: Any
    overview: Any
    facts: dict[str, Any]
    doubts: list[str]
    carried: int = 0
    """Bytes that went to the device for it."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """The stage: validates the look, decodes within the limits, turns upright, converts to sRGB, letterboxes.

    With a `device` decoder, plain photos (`is_plain`) are decoded there, and all others on the CPU and carried there.
    """

    card: Card
    settings: Settings
    admission: Admission
    device: DeviceDecoder | None = None

    def __call__(self, photo: U8, look: U8) -> dict[str, np.ndarray]:
        """Return pixels [H, W, 3] uint8, overview [3, s, s] float32 and the report.

        Raise ValueError on bad input, or when too many photos wait already.
        """
        (answer,) = self.batch([photo], [look])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def batch(self, photos: Sequence[U8], looks: Sequence[U8]) -> list[dict[str, Any] | Exception]:
        """Return what `__call__` does for each photo, or raises: one that fails does no harm to the others."""
        reports = [Report.begin() for _ in photos]
        with ExitStack() as clocks:
            for report in reports:
                clocks.enter_context(report.stage("decode"))
            opened = [_kept(self._admit, photo, look) for photo, look in zip(photos, looks, strict=True)]
            plain = self._plain(opened)
            decoded, tries = self._decode_plain(plain)
            for number, photo in enumerate(opened):
                if isinstance(photo, Exception):
                    decoded[number] = photo
                elif number not in decoded:
                    decoded[number] = _kept(self._decode_other, photo, tries if number in plain else 0)
        return [_kept(self._answer, decoded[number], report) for number, report in enumerate(reports)]

    def _admit(self, photo: U8, look: U8) -> Opened:
        wanted, data = parse_look(look.tobytes()), photo.tobytes()
        opened = Opened(data, _open(data, self.settings))
        scene(wanted, self.settings)
        self.admission.enter()  # last: what is refused above waits nowhere
        return opened

    def _plain(self, opened: Sequence[Opened | Exception]) -> dict[int, tuple[Opened, dict[str, Any]]]:
        """Return the photos that the device can decode, with their facts, by their numbers."""
        plain: dict[int, tuple[Opened, dict[str, Any]]] = {}
        for number, photo in enumerate(opened if self.device else ()):
            facts = None if isinstance(photo, Exception) else _kept(plain_facts, photo)
            if isinstance(photo, Opened) and isinstance(facts, dict):
                plain[number] = photo, facts
        return plain

    def _decode_plain(
        self, plain: dict[int, tuple[Opened, dict[str, Any]]]
    ) -> tuple[dict[int, Decoded | Exception], int]:
        """Return those that the device did decode, and how often each photo was carried there."""
        decoded = self._on_device(plain, tries=1)
        if decoded or len(plain) < 2:
            return decoded, 1
        for number, photo in plain.items():  # a single bad one may have cost the whole batch
            decoded |= self._on_device({number: photo}, tries=2)
        return decoded, 2

    def _on_device(self, plain: dict[int, tuple[Opened, dict[str, Any]]], tries: int) -> dict[int, Decoded | Exception]:
        if not self.device or not plain:
            return {}
        found = self.device(
            [photo.data for photo, _ in plain.values()],
            [(facts["height"], facts["width"]) for _, facts in plain.values()],
        )
        return {
            number: Decoded(*arrays, facts | {"lane": self.device.name}, [], tries * len(photo.data))
            for (number, (photo, facts)), arrays in zip(plain.items(), found, strict=True)
            if arrays
        }

    def _decode_other(self, photo: Opened, tries: int) -> Decoded:
        pixels, facts, doubts = _read(photo)
        net = self.card.input
        overview = letterbox(pixels, net.overview, net.mean, net.scale)
        carried = tries * len(photo.data)
        if self.device:
            carried += pixels.nbytes + overview.nbytes
            pixels, overview = (self.device.memory.upload(array) for array in (pixels, overview))
        return Decoded(pixels, overview, facts | {"lane": "cpu"}, doubts, carried)

    def _answer(self, photo: Decoded | Exception, report: Report) -> dict[str, Any] | Exception:
        if isinstance(photo, Exception):
            return photo
        report.facts.update(photo=photo.facts, models={"segment": self.card.identity()})
        report.carried(host_to_device=photo.carried)
        for doubt in photo.doubts:
            report.doubt(doubt)
        return {"pixels": photo.pixels, "overview": photo.overview, "report": report.write()}


Argument = ParamSpec("Argument")
Result = TypeVar("Result")


def _kept(function: Callable[Argument, Result], *args: Argument.args, **named: Argument.kwargs) -> Result | Exception:
    """Return what a call returns or raises: the failure of one photo, of whatever kind, is that photo's answer."""
    try:
        return function(*args, **named)
    except Exception as failure:
        return failure


def scene(look: Look, settings: Settings = ADMITTED) -> U8 | None:
    """Return the look's scene [H, W, 3] uint8 sRGB, if it has one; raise ValueError, starting with BAD_LOOK.

    decode holds it against the limits in `settings`; the stages behind take what decode let pass.
    """
    return _scene(look.scene, settings) if look.scene else None


@functools.lru_cache(maxsize=2)
def _scene(data: bytes, settings: Settings) -> U8:
    try:
        return read_photo(data, settings)[0]
    except ValueError as broken:
        raise ValueError(f"{BAD_LOOK}scene: {str(broken).removeprefix(BAD_IMAGE)}") from None


def read_photo(data: bytes, settings: Settings) -> tuple[U8, dict[str, Any], list[str]]:
    """Decode one photo to upright sRGB pixels [H, W, 3].

    Returns the pixels, what the report says of the file, and reasons for review. A photo that already has alpha is
    laid over white, in linear light, and cut out anew. Of several frames or pages the first is taken.
    Raises ValueError, starting with BAD_IMAGE, with the cause.
    """
    return _read(Opened(data, _open(data, settings)))


def plain_facts(photo: Opened) -> dict[str, Any] | None:
    """Return what the report says of a photo that any decoder can read as the CPU does; None for all others.

    Plain is a whole baseline JPEG, gray or YCbCr, whose colours are sRGB and whose orientation is EXIF's own.
    """
    image, info = photo.image, photo.image.info
    # A file cut short lacks its last marker; what follows behind it is for the CPU to judge.
    if image.format != "JPEG" or image.mode not in ("RGB", "L") or not photo.data.endswith(EOI):
        return None
    names = bytes(component[0] for component in image.layer)  # pyright: ignore[reportAttributeAccessIssue]
    is_rgb = info.get("adobe_transform") == 0 or names == b"RGB"
    if is_rgb or info.get("progressive") or _is_adobe_rgb(image):
        return None
    profile = None
    if icc := info.get("icc_profile"):
        try:
            profile = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc))).strip()
        except (ImageCms.PyCMSError, OSError):
            return None
        if image.mode != "RGB" or not profile.startswith("sRGB"):
            return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = Image.Exif()
        try:
            own.load(info.get("exif", b""))
        except METADATA:
            return None
    orientation = _orientation(image)
    if _turn(own.get(ORIENTATION)) != orientation:  # Pillow took it from XMP, which only the CPU reads
        return None
    width, height = image.size if orientation not in SIDEWAYS else image.size[::-1]
    return _facts(photo) | {"height": height, "width": width, "orientation": orientation, "icc": profile}


def _orientation(image: Image.Image) -> int:
    """Return how the photo is turned, 1 to 8 as EXIF counts; 1, upright, where its metadata is damaged."""
    return _told(image, lambda exif: _turn(exif.get(ORIENTATION)), 1)


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Return whether EXIF alone says so, as DCF 2.0 has cameras do: uncalibrated, interoperability index R03."""

    def is_told(exif: Image.Exif) -> bool:
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        return space == UNCALIBRATED and exif.get_ifd(ExifTags.IFD.Interop).get(1) == "R03"

    return image.mode == "RGB" and not image.info.get("icc_profile") and _told(image, is_told, False)


def _told(image: Image.Image, read: Callable[[Image.Exif], Result], otherwise: Result) -> Result:
    """Return what `read` finds in the photo's EXIF, without a warning; `otherwise` where that is damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(image.getexif())
        except METADATA:
            return otherwise


def _turn(value: object) -> int:
    """Return an orientation that EXIF knows; 1 for all else that may stand in its place."""
    return value if isinstance(value, int) and value in range(1, 9) else 1


def _facts(photo: Opened) -> dict[str, Any]:
    return {"format": photo.image.format, "mode": photo.image.mode, "bytes": len(photo.data)}


def _read(photo: Opened) -> tuple[U8, dict[str, Any], list[str]]:
    """Decode what was opened; see read_photo."""
    image, facts = photo.image, _facts(photo)
    doubts: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged metadata, which does not touch the pixels
            orientation = _orientation(image)
            pixels, profile = _pixels(image, photo.data)
            stored = _orientation(image)  # Pillow turns a TIFF, and only a TIFF, when it loads it
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, cv2.error) as broken:
        raise ValueError(f"{BAD_IMAGE}{image.format} cannot be decoded: {broken}") from None
    if profile == "unreadable":
        doubts.append("colour: the embedded ICC profile is unreadable; the photo was taken as sRGB")
    if facts["mode"] == "CMYK" and profile is None:
        doubts.append("colour: CMYK without a profile; its colours are a guess")
    if pixels.shape[2] == 4:
        facts["input_alpha"] = "laid over white"
        pixels = _over_white(pixels)
    pixels = np.ascontiguousarray(_upright(pixels, stored))
    facts |= {"height": pixels.shape[0], "width": pixels.shape[1], "orientation": orientation, "icc": profile}
    return pixels, facts, doubts


def _open(data: bytes, settings: Settings) -> Image.Image:
    """Read the header and hold it against the limits, before any pixel is decoded."""
    if not data:
        raise ValueError(f"{BAD_IMAGE}the file is empty")
    if len(data) > settings.max_megabytes * 1e6:
        raise ValueError(
            f"{BAD_IMAGE}{len(data) / 1e6:.1f} MB is more than this server's limit of {settings.max_megabytes:g} MB"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(f"{BAD_IMAGE}not a JPEG, PNG, WebP or TIFF file, or its header is damaged") from None
    except (OSError, SyntaxError, ValueError, EOFError) as broken:
        raise ValueError(f"{BAD_IMAGE}damaged or truncated: {broken}") from None
    width, height = image.size
    if width * height > settings.max_megapixels * 1e6:
        raise ValueError(
            f"{BAD_IMAGE}{width}x{height} is {width * height / 1e6:.1f} megapixels, "
            f"more than this server's limit of {settings.max_megapixels:g}"
        )
    if image.format in JPEG and has_more_scans(data, SCANS):
        raise ValueError(f"{BAD_IMAGE}more than {SCANS} scans, which would take too long to decode")
    if min(width, height) < settings.min_side:
        raise ValueError(f"{BAD_IMAGE}{width}x{height}: a side is shorter than {settings.min_side} pixels")
    return image


def _pixels(image: Image.Image, data: bytes) -> tuple[U8, str | None]:
    """Return sRGB pixels [H, W, 3 or 4] and the name of the ICC profile they came from, if any."""
    icc = ADOBE_RGB if _is_adobe_rgb(image) else image.info.get("icc_profile")
    if image.format in JPEG and image.mode in ("RGB", "L") and not icc:
        try:
            return simplejpeg.decode_jpeg(data, "RGB", strict=True), None
        except ValueError:
            pass  # strict refuses harmless oddities too; Pillow below refuses only what lacks pixels
    image.load()
    if image.mode in SIXTEEN_BIT_GRAY or image.mode == "I":
        gray = np.asarray(image).astype(np.float64) / 257
        image = Image.fromarray(np.clip(np.rint(gray), 0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point pixels have no defined white")
    elif image.mode in ("P", "PA", "1"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if not icc:
        return _array(image), None
    return _to_srgb(image, icc)


def _to_srgb(image: Image.Image, icc: bytes) -> tuple[U8, str | None]:
    """Convert by the embedded ICC profile; alpha is kept as it is. An unreadable profile counts as sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        name = ImageCms.getProfileDescription(source).strip()
        space = source.profile.xcolor_space.strip()  # pyright: ignore[reportAttributeAccessIssue]
        if space == "RGB" and image.mode != "CMYK":
            if name.startswith("sRGB"):
                return _array(image), name
            opaque = image.convert("RGB")
        else:
            opaque = image.convert("L") if image.mode == "LA" else image
        colour = ImageCms.profileToProfile(
            opaque,
            source,
            SRGB,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        assert colour is not None  # None only with inPlace
    except (ImageCms.PyCMSError, OSError):
        return _array(image), "unreadable"
    if image.has_transparency_data:
        colour.putalpha(image.convert("RGBA").getchannel("A"))
    return _array(colour), name


def _array(image: Image.Image) -> U8:
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _over_white(rgba: U8) -> U8:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return linear_to_srgb(alpha * srgb_to_linear(rgba[..., :3]) + (1 - alpha))


def _upright(pixels: U8, orientation: int) -> U8:
    """Undo the camera's orientation (EXIF 2.3, tag 0x0112); 1 and unknown values leave the pixels as they are."""
    if orientation in SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]
