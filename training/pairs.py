"""Pairs for the relight network: a cut-out as it was lit in the photo, and in the studio of another background.

Both come from the same traced piece (`paths.py`), so they agree to the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training import shade, studio
from training.dataset import U8, backdrop, camera
from training.shade import F32

SIDE = 256
"""What the shipped network sees; training may start smaller, which is cheaper."""
DEVELOPED, USES = 64, 12
"""Pairs kept at a time, and views cut from each."""
WHITE = 0.65
"""Share of the pairs whose target is the studio for pure white."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One piece in two lights: photo, answer [H, W, 3] uint8, colour [H, W, 3] uint8 sRGB premultiplied, light [27]."""

    photo: U8
    answer: U8
    colour: U8
    light: F32


def encoded(linear: F32) -> F32:
    """Linear light in [0, 1] to sRGB in [0, 1] (IEC 61966-2-1)."""
    low = np.maximum(linear, 0.0031308)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * low ** (1 / 2.4) - 0.055)


def develop(rng: np.random.Generator, piece: shade.Traced) -> Pair:
    """Light one piece twice; alloys and stones are drawn anew, but are the same in both."""
    piece = shade.sparse(piece)
    target = studio.white(piece) if rng.random() < WHITE else studio.varied(rng, piece)
    drawn = shade.redrawn_all(rng, piece)
    seed = int(rng.integers(1 << 31))
    photo, answer = shade.photograph(rng, piece, backdrop(rng, piece.size), drawn, seed)
    colour, whole = studio.picture(piece, target, drawn, seed)
    colour = np.round(encoded(colour.clip(0, 1)) * whole[..., :1]).astype(np.uint8)
    return Pair(photo, answer, colour, target.harmonics())


@dataclass
class Pairs:
    """Everything there is to learn from, found in `folder`."""

    folder: Path
    side: int = SIDE
    traced: list[shade.Traced] = field(default_factory=list)
    developed: list[Pair] = field(default_factory=list)

    def look(self) -> Pairs:
        """Find the traced pieces whose camera was noted."""
        found = (shade.read(note.with_suffix("")) for note in sorted(self.folder.glob("*.json")))
        self.traced = [piece for piece in found if piece.camera is not None]
        return self

    def draw(self, rng: np.random.Generator) -> tuple[F32, F32, F32]:
        """Return one view of a pair: what the network sees [6, S, S], the light [27], colour and coverage [4, S, S].

        Seen are the photo (its ground tells the old light), alpha, metal and stone.
        """
        if len(self.developed) < DEVELOPED or rng.random() < 1 / USES:
            self.developed.append(develop(rng, self.traced[int(rng.integers(len(self.traced)))]))
            self.developed = self.developed[-DEVELOPED:]
        return view(rng, self.developed[int(rng.integers(len(self.developed)))], self.side)


def view(rng: np.random.Generator, pair: Pair, side: int) -> tuple[F32, F32, F32]:
    """Cut the piece out of its photo, with a camera's faults and a segmentation's."""
    alpha = pair.answer[..., 0]
    rows, columns = np.flatnonzero((alpha > 64).any(1)), np.flatnonzero((alpha > 64).any(0))
    middle = np.array([columns[0] + columns[-1] + 1, rows[0] + rows[-1] + 1]) / 2
    reach = max(columns[-1] - columns[0], rows[-1] - rows[0]) + 1
    reach *= float(rng.uniform(1.0, 1.3))
    corner = middle - reach / 2 + rng.normal(0, 0.02, 2) * reach

    def cut(image: NDArray[Any]) -> NDArray[Any]:
        scale = side / reach
        at = corner
        if scale < 0.7:  # warpAffine does not average: shrink first
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            at, scale = corner * scale, 1.0
        matrix = np.array([[scale, 0, -scale * at[0]], [0, scale, -scale * at[1]]])
        return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)

    photo = camera(rng, cut(pair.photo)).astype(np.float32) / 255
    answer = cut(pair.answer).astype(np.float32) / 255
    weight = answer[..., :1].copy()
    colour = cut(pair.colour) / np.maximum(255 * weight, 1)
    if rng.random() < 0.5:
        answer = cv2.GaussianBlur(answer, (0, 0), float(rng.uniform(0.3, 1.5)))
    if rng.random() < 0.2:  # metal taken for stone, or nothing known of either
        answer[..., 1:] *= float(rng.uniform(0, 1))
    seen = np.concatenate([photo, answer], -1)
    truth = np.concatenate([colour.clip(0, 1), weight], -1)
    return seen.transpose(2, 0, 1).astype(np.float32), pair.light, truth.transpose(2, 0, 1).astype(np.float32)
