"""The wire contract: tensor names, the look, error prefixes. The one server module that clients import."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

BAD_IMAGE = "bad image: "
"""Starts the cause when this photo can never be answered, or not with this look: do not retry."""
BAD_LOOK = "bad look: "
"""Starts the cause when the look is wrong: every photo sent with it fails the same way."""
NO_ALPHA = "has no alpha; ask a cutout as png or webp, or for its matte"
"""Ends the cause when a cutout is asked for in a format that cannot hold one."""
OVERLOADED = "overloaded: "
"""Starts the cause when too many photos wait in the server: send this one again, later."""

LOOK_BYTES = 12_000_000
"""Most bytes of a look on the wire: a scene, a third larger in base64, and the rest. Stages keep the last few."""

Side = Annotated[int, Field(ge=16, le=10_000)]
Hex = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class Look(BaseModel):
    """What the catalog picture shall look like: sent as JSON with every photo, validated once, in decode.

    `Look()` is the default of the `catalog` ensemble: pure white, 2000x2000 JPEG, the piece centred on 85 %.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    background: Literal["white", "transparent"] | Hex = "white"
    """White is exactly 255,255,255 in the decoded file; a colour is `#rrggbb`, sRGB."""
    scene: Annotated[Base64Bytes, Field(min_length=1, max_length=8_000_000)] | None = None
    """A picture, as file bytes, to lay the piece on instead of a background; base64 on the wire."""
    size: Side | tuple[Side, Side] | None = 2000
    """Canvas in pixels: one side of a square, or (width, height). None keeps the photo's own size and framing."""
    fill: Annotated[float, Field(ge=0.001, le=1)] = 0.85
    """Share of the canvas that the piece's bounding box spans on its tighter axis. Unused when `size` is None."""
    upscale: bool = False
    """False never invents pixels: a piece too small for the canvas gets a smaller canvas, and the report says so."""
    shadow: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Strength of a soft contact shadow below the piece. 0 keeps every background pixel exactly the asked colour."""
    decontaminate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much of the old background's colour is taken out of soft edges. 0 keeps the photo's own colours there."""
    relight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Strength of the relight. 0 keeps the photo's own pixels (`identity_safe` in the report)."""
    relight_metal: Annotated[float, Field(ge=0, le=1)] = 1.0
    relight_stone: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Shares of `relight` that metal, and all else that is no stone, and stones take."""
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    """WebP is always lossless, so that the background stays exact."""
    quality: Annotated[int, Field(ge=50, le=100)] = 95
    """JPEG quality. Unused by PNG and WebP."""
    matte: bool = False
    """Answer the alpha alone, as a gray picture. Only in the `cutout` ensemble."""

    @model_validator(mode="after")
    def _jpeg_is_opaque(self) -> Look:
        if self.background == "transparent" and self.format == "jpeg":
            raise ValueError("a transparent background needs format png or webp; JPEG has no alpha")
        if self.scene and self.background != "white":
            raise ValueError("a scene takes the place of the background: leave background out")
        return self

    @model_validator(mode="after")
    def _shadow_needs_a_ground(self) -> Look:
        if self.background == "transparent" and self.shadow:
            raise ValueError("a shadow needs a background to fall on; a transparent one has none")
        return self

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Background colour, sRGB 0..255; white where the background is transparent."""
        if self.background.startswith("#"):
            red, green, blue = bytes.fromhex(self.background[1:])
            return red, green, blue
        return 255, 255, 255

    @property
    def canvas(self) -> tuple[int, int] | None:
        """Asked canvas as (width, height) in pixels, or None for the photo's own framing."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def to_bytes(self) -> bytes:
        """Return the wire form: compact JSON of what differs from the default."""
        return self.model_dump_json(exclude_defaults=True).encode()


@functools.lru_cache(maxsize=16)
def parse_look(data: bytes) -> Look:
    """Parse the wire form; raise ValueError that names each wrong field."""
    if len(data) > LOOK_BYTES:
        raise ValueError(f"{BAD_LOOK}look: {len(data) / 1e6:.1f} MB, at most {LOOK_BYTES / 1e6:g} may be")
    try:
        return Look.model_validate_json(data)
    except ValidationError as invalid:
        raise ValueError(BAD_LOOK + explain(invalid)) from None


def explain(invalid: ValidationError) -> str:
    """Return one line that names every wrong field of a pydantic model and why it is wrong."""
    causes: dict[str, list[str]] = {}
    for error in invalid.errors(include_url=False):
        field = str(error["loc"][0]) if error["loc"] else "look"
        cause = "unknown field" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
        causes.setdefault(field, []).append(cause)
    return "; ".join(f"{field}: {' or '.join(dict.fromkeys(why))}" for field, why in causes.items())


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named tensor at a stage border; dims without the batch axis, -1 where it varies from photo to photo."""

    name: str
    dtype: Literal["UINT8", "INT32", "FP32"]
    dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one model of the ensemble takes and gives, the same in every profile."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


PHOTO = Tensor("photo", "UINT8", (-1,))  # encoded bytes: JPEG, PNG, WebP, TIFF
LOOK = Tensor("look", "UINT8", (-1,))  # JSON of Look
REPORT = Tensor("report", "UINT8", (-1,))  # JSON; grows from stage to stage
IMAGE = Tensor("image", "UINT8", (-1,))  # encoded bytes
PIXELS = Tensor("pixels", "UINT8", (-1, -1, 3))  # sRGB, upright
OVERVIEW = Tensor("overview", "FP32", (3, -1, -1))  # the whole photo, letterboxed, normalised as the model card says
OVERVIEW_COARSE = Tensor("overview_coarse", "FP32", (3, -1, -1))  # as COARSE, of OVERVIEW
WINDOW = Tensor("window", "INT32", (4,))  # left, top, width, height in pixels of the photo: where the piece is
NET_INPUT = Tensor("net_input", "FP32", (3, -1, -1))  # the window, letterboxed and normalised as OVERVIEW
COARSE = Tensor("coarse", "FP32", (3, -1, -1))  # alpha, metal, stone coverage in [0, 1]
ALPHA = Tensor("alpha", "FP32", (-1, -1))
FOREGROUND = Tensor("foreground", "UINT8", (-1, -1, 3))  # sRGB, straight, old background taken out
CUTOUT = Tensor("cutout", "UINT8", (-1, -1, 4))  # straight RGBA
LIGHT = Tensor("light", "FP32", (-1, -1, 12))  # grid of 3x4 affine colour transforms, linear light
PLACE = Tensor("place", "INT32", (4,))  # left, top, width, height in pixels of the photo: what LIGHT spans
PICTURE = Tensor("picture", "UINT8", (-1, -1, -1))  # 1, 3 or 4 channels

STAGES: dict[str, Stage] = {
    "decode": Stage((PHOTO, LOOK), (PIXELS, OVERVIEW, REPORT)),
    "locate": Stage((OVERVIEW,), (OVERVIEW_COARSE,)),
    "crop": Stage((PIXELS, OVERVIEW_COARSE, REPORT), (WINDOW, NET_INPUT, REPORT)),
    "segment": Stage((NET_INPUT,), (COARSE,)),
    "refine": Stage((PIXELS, WINDOW, COARSE, LOOK, REPORT), (ALPHA, FOREGROUND, CUTOUT, REPORT)),
    "relight": Stage((PIXELS, ALPHA, WINDOW, COARSE, LOOK, REPORT), (LIGHT, PLACE, REPORT)),
    "composite": Stage((ALPHA, FOREGROUND, LIGHT, PLACE, LOOK, REPORT), (PICTURE, REPORT)),
    "encode": Stage((PICTURE, LOOK, REPORT), (IMAGE, REPORT)),
}
"""The eight stages, in the order of the data flow."""

ENSEMBLES: dict[str, Stage] = {name: Stage((PHOTO, LOOK), (IMAGE, REPORT)) for name in ("catalog", "cutout")}
"""What callers see: one photo and its look in, one picture and its report out."""
