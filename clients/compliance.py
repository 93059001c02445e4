"""Hold a finished file against a marketplace's rules, one by one: the bytes themselves, decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clients.presets import Preset

if TYPE_CHECKING:
    from PIL import Image

NEAR_WHITE = 245
"""A pixel whose darkest channel is below this belongs to the piece or its shadow."""
EDGE = 8
"""Pixels around the piece where soft edges and JPEG blocks may be off white."""
SRGB_NAMES = ("srgb",)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, and whether the file keeps it."""

    rule: str
    kept: bool
    seen: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.seen}, must be {self.wanted}"


def check(data: bytes, preset: Preset) -> list[Finding]:
    """Return one finding per rule of the preset; a file that cannot be decoded breaks the rule `readable`.

    Background: every pixel farther than 8 px from the piece is exactly white, or wholly transparent. Fill: the share
    of the canvas that the piece's bounding box spans on its tighter axis. A file without a colour profile is sRGB.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as opened:
            form = "JPEG" if opened.format == "MPO" else str(opened.format)
            profile = opened.info.get("icc_profile")
            opened.load()
            picture = opened.copy()
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as broken:
        return [Finding("readable", False, str(broken), "a picture")]
    rules, (width, height) = preset.rules, picture.size
    findings: list[Finding] = []

    def at_least(rule: str, seen: float, least: float | None, unit: str) -> None:
        if least is not None:
            findings.append(Finding(rule, seen >= least, f"{seen:.4g}{unit}", f"at least {least:g}{unit}"))

    def at_most(rule: str, seen: float, most: float | None, unit: str) -> None:
        if most is not None:
            findings.append(Finding(rule, seen <= most, f"{seen:.4g}{unit}", f"at most {most:g}{unit}"))

    if rules.formats:
        findings.append(Finding("format", form in rules.formats, form, " or ".join(rules.formats)))
    if rules.colour_space:
        name = _profile_name(profile) if profile else "sRGB (untagged)"
        is_srgb = picture.mode not in ("CMYK", "LAB") and any(known in name.lower() for known in SRGB_NAMES)
        findings.append(Finding("colour space", is_srgb, f"{picture.mode}, {name}", rules.colour_space))
    at_least("longest side", max(width, height), rules.longest_min, " px")
    at_most("longest side", max(width, height), rules.longest_max, " px")
    at_least("shortest side", min(width, height), rules.shortest_min, " px")
    at_most("pixels", width * height / 1e6, rules.max_megapixels, " MP")
    at_most("file size", len(data) / 1e6, rules.max_megabytes, " MB")
    if rules.background or rules.fill_min or rules.fill_max:
        piece, off, is_transparent = _piece(picture)
        if rules.background:
            allowed = "white" in rules.background and not is_transparent
            allowed = allowed or ("transparent" in rules.background and is_transparent)
            where = "transparent" if is_transparent else "white"
            seen = f"{where}, {off} pixels are not" if off else f"exactly {where}"
            findings.append(Finding("background", allowed and not off, seen, " or ".join(rules.background)))
        box = piece.getbbox()
        fill = max((box[2] - box[0]) / width, (box[3] - box[1]) / height) if box else 0.0
        at_least("fill", round(fill, 4), rules.fill_min, "")
        at_most("fill", round(fill, 4), rules.fill_max, "")
    return findings


def _piece(picture: Image.Image) -> tuple[Image.Image, int, bool]:
    """Return the piece as a mask (mode L, 0 or 255), how many background pixels are off, and whether it has alpha."""
    from PIL import Image, ImageChops, ImageFilter

    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    alpha = picture.convert("RGBA").getchannel("A") if has_alpha else Image.new("L", picture.size, 255)
    is_transparent = alpha.getextrema() != (255, 255)
    if is_transparent:
        darkest = ImageChops.invert(alpha)
    else:
        red, green, blue = picture.convert("RGB").split()
        darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    piece = darkest.point([255 if level < NEAR_WHITE else 0 for level in range(256)])
    # A box blur spreads the mask by EDGE; any trace of it (255 / 17**2 rounds to 1) counts.
    around = piece.filter(ImageFilter.BoxBlur(EDGE)).point([0] + [255] * 255)
    wrong = darkest.point([255] * 255 + [0])
    off = ImageChops.multiply(wrong, ImageChops.invert(around)).histogram()[255]
    return piece, off, is_transparent


def _profile_name(profile: bytes) -> str:
    """Return an ICC profile's own description."""
    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError) as broken:
        return f"unreadable profile ({broken})"
