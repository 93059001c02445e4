"""One file per family; each has `make(rng) -> Piece`. Add a family: write its file, list it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np

from training import materials
from training.piece import Piece

# Name and weight. Order matters: a seed picks by position, so append.
TRAINED: dict[str, float] = {
    "solitaire": 1.2,
    "band": 1.0,
    "eternity": 0.8,
    "pendant": 1.5,
    "chain": 1.3,
    "hoops": 1.0,
    "drops": 1.3,
    "filigree": 1.0,
    "cabochon_ring": 0.8,
    "strand": 1.2,
    "bangle": 0.8,
    "disc": 1.0,
    "domed_pave": 0.6,
    "beaded_hoops": 1.2,
    "signet": 0.5,
    "wire_wrap": 1.0,
    "multistrand": 0.7,
    "charms": 1.2,
    "textured_band": 1.0,
    "pave_ring": 0.8,
    "studs": 1.2,
    "cuff": 1.2,
    "plain_plate": 1.3,
    "statement_ring": 1.2,
    "big_cabochon": 1.2,
    "pierced_plate": 1.4,
    "lattice": 1.1,
    "mandala": 1.1,
    "crochet": 1.0,
    "heaped_chain": 1.5,
    "clasps": 0.9,
    "threader": 1.0,
    "enamel": 1.0,
    "nameplate": 1.2,
    "watch": 1.0,
    "mail": 1.0,
    "cluster": 1.2,
    "tiara": 1.0,
    "spiral": 1.0,
    "open_set": 1.8,
}
# Trained on too, but made by name only: a weight of theirs would give old seeds other pieces.
NAMED: tuple[str, ...] = ("pressed_glass",)
# Never trained on: they measure how far the network reaches.
HELD_OUT: tuple[str, ...] = ("brooch", "tennis", "chandelier", "celtic_knot", "locket", "charm_bracelet")


def family(name: str) -> Callable[[np.random.Generator], Piece]:
    """Return the maker of one family."""
    return import_module(f"training.pieces.{name}").make


def two_tone(rng: np.random.Generator, piece: Piece) -> Piece:
    """Give some of the metal parts another alloy, as in a gold ring with a white head."""
    metal = [k for k, part in enumerate(piece.parts) if part.slot == "metal"]
    if len(metal) < 2:
        return piece
    first, second = materials.two_metals(rng)
    other = set(rng.choice(metal, int(rng.integers(1, len(metal))), replace=False).tolist())
    parts = (
        replace(part, material=second if k in other else first) if k in metal else part
        for k, part in enumerate(piece.parts)
    )
    return replace(piece, parts=tuple(parts))


def draw(rng: np.random.Generator, held_out: bool = False) -> str:
    """Draw the name of a family."""
    if held_out:
        return str(rng.choice(HELD_OUT))
    weights = np.array(list(TRAINED.values()))
    return str(rng.choice(list(TRAINED), p=weights / weights.sum()))


def make(rng: np.random.Generator, held_out: bool = False, name: str | None = None) -> Piece:
    """Draw a family, or take the one of that `name`, then a piece of it, lying on z = 0."""
    piece = family(name or draw(rng, held_out))(rng).rested()
    return two_tone(rng, piece) if rng.random() < 0.08 else piece
