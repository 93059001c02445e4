"""What marketplaces ask of a picture, one TOML file each: a look that meets the rules, and the rules themselves."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.contract import Look, explain

FOLDER = Path(__file__).parent

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(gt=0)]


class Rules(BaseModel):
    """What a finished file must be. A rule that the marketplace does not state is absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    background: tuple[Literal["white", "transparent"], ...] = ()
    """White: every background pixel of the decoded file is 255,255,255."""
    longest_min: Count | None = None
    longest_max: Count | None = None
    shortest_min: Count | None = None
    """Sides in pixels."""
    max_megapixels: Annotated[float, Field(gt=0)] | None = None
    fill_min: Share | None = None
    fill_max: Share | None = None
    """Share of the canvas that the piece spans on its tighter axis."""
    formats: tuple[Literal["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"], ...] = ()
    colour_space: Literal["sRGB"] | None = None
    max_megabytes: Annotated[float, Field(gt=0)] | None = None
    """File size, 1e6 bytes."""


class Preset(BaseModel):
    """One marketplace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    """Where the rules are from."""
    looked_up: date
    look: dict[str, Any]
    """Fields of a look that meets the rules."""
    rules: Rules
    advice: tuple[str, ...] = ()
    """What the marketplace recommends, or asks and a file cannot show."""


def preset_names() -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load_preset(name: str) -> Preset:
    """Return a preset; raise ValueError for a name that there is not, or a file that is wrong."""
    if name not in preset_names():
        raise ValueError(f"no preset {name!r}; there are {', '.join(preset_names())}")
    path = FOLDER / f"{name}.toml"
    try:
        preset = Preset.model_validate(tomllib.loads(path.read_text()))
        Look.model_validate(preset.look)
    except ValidationError as wrong:
        raise ValueError(f"{path}: {explain(wrong)}") from None
    return preset
