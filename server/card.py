"""Model card: what the server must know of an ONNX network, so that any network can be dropped in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernels.reference.window import Window
from server.contract import explain

Triple = tuple[float, float, float]
ROOMY = 1.5
"""A window of so many times `size` photo pixels has detail that `size` would lose."""


class NetInput(BaseModel):
    """The network's input: [N, 3, S, S] float32 = (rgb / 255 - mean) / scale; S is `size`, `large` or `overview`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: int = Field(ge=32, le=4096)
    large: int | None = Field(default=None, ge=32, le=4096)
    """Side of the input for a window of at least ROOMY x `size` photo pixels; None: every window is shown at `size`."""
    overview: int = Field(ge=32, le=4096)
    """Side of the small input that shows the whole photo, to locate the piece; `size` where the graph has one size."""
    mean: Triple
    scale: Triple

    @property
    def sides(self) -> tuple[int, ...]:
        """All sides at which a window may be shown, `size` first."""
        return (self.size, self.large) if self.large else (self.size,)

    def side(self, window: Window) -> int:
        """Return the side at which a window is shown."""
        roomy = max(window.width, window.height) >= ROOMY * self.size
        return self.large if self.large and roomy else self.size


class Channel(BaseModel):
    """Where a map is found: the output's name and the channel in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: str
    channel: int = Field(ge=0)


class Weights(BaseModel):
    """What every card, `model.json`, says of the file beside it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    file: str
    sha256: str
    precision: Literal["f32", "bf16"] = "f32"
    licence: str
    data: str = ""
    metrics: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)

    def identity(self) -> dict[str, str]:
        """Return what the report says of the network."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256[:12]}


class Card(Weights):
    """The segmentation's card. `metal` and `stone` are null for networks that only know alpha."""

    input: NetInput
    alpha: Channel
    metal: Channel | None = None
    stone: Channel | None = None
    overview: str | None = None
    """Output, of the same channels, that is read where the whole photo is only looked over; None: the same one."""
    sigmoid: bool = False
    """True where the network answers logits and the server has to apply the sigmoid."""


class RelightCard(Weights):
    """The relight network's card: `seen` [N, 6, side, side] and `light` [N, 27] to `transforms` [N, 12, grid, grid]."""

    side: int = Field(ge=32, le=2048)
    grid: int = Field(ge=1, le=512)
    above: Annotated[tuple[float, ...], Field(min_length=9, max_length=9)]
    """Spherical harmonics, order 0 to 2, of the gray light above the floor. A white floor's radiance is 1."""
    below: Annotated[tuple[float, ...], Field(min_length=9, max_length=9)]
    """The same of a white floor alone."""


Kind = TypeVar("Kind", bound=Weights)


def read_card(path: Path, kind: type[Kind] = Card) -> Kind:
    """Read and validate a card; raise ValueError that names the file and the wrong fields."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as invalid:
        raise ValueError(f"{path}: {explain(invalid)}") from None


def check_weights(card: Weights, folder: Path) -> Path:
    """Return the network's path after holding its bytes against the card; raise ValueError where they differ."""
    path = folder / card.file
    if not path.is_file():
        raise ValueError(f"{path}: the card {card.name} names this file, but it is not there")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != card.sha256:
        raise ValueError(f"{path}: sha256 {digest[:12]}…, its card says {card.sha256[:12]}…")
    return path
