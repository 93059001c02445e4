"""Model card: what the server must know of an ONNX network, so that any network can be dropped in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.contract import explain

Triple = tuple[float, float, float]


class NetInput(BaseModel):
    """The network's input: [N, 3, size, size] float32 = (rgb / 255 - mean) / scale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: int = Field(ge=32, le=4096)
    overview: int = Field(ge=32, le=4096)
    """Side of the small input that shows the whole photo, to locate the piece; `size` where the graph has one size."""
    mean: Triple
    scale: Triple


class Channel(BaseModel):
    """Where a map is found: the output's name and the channel in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: str
    channel: int = Field(ge=0)


class Card(BaseModel):
    """The card, `model.json`, beside a network. `metal` and `stone` are null for networks that only know alpha."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    file: str
    sha256: str
    input: NetInput
    alpha: Channel
    metal: Channel | None = None
    stone: Channel | None = None
    sigmoid: bool = False
    """True where the network answers logits and the server has to apply the sigmoid."""
    precision: Literal["f32", "bf16"] = "f32"
    licence: str
    data: str = ""
    metrics: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)

    def identity(self) -> dict[str, str]:
        """Return what the report says of the network."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256[:12]}


def read_card(path: Path) -> Card:
    """Read and validate a card; raise ValueError that names the file and the wrong fields."""
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as invalid:
        raise ValueError(f"{path}: {explain(invalid)}") from None


def check_weights(card: Card, folder: Path) -> Path:
    """Return the network's path after holding its bytes against the card; raise ValueError where they differ."""
    path = folder / card.file
    if not path.is_file():
        raise ValueError(f"{path}: the card {card.name} names this file, but it is not there")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != card.sha256:
        raise ValueError(f"{path}: sha256 {digest[:12]}…, its card says {card.sha256[:12]}…")
    return path
