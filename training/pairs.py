"""Pairs for the relight network: a cut-out as it was lit in the photo, and in the studio of another background.

Both come from the same traced piece (`paths.py`), so they agree to the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from kernels.reference.relight import sampled, unmixed
from kernels.reference.window import Window
from training import shade, studio
from training.dataset import U8, backdrop, camera
from training.shade import F32

SIDE = 512
"""What the shipped network sees; training may start smaller, which is cheaper."""
STORED, ROOM = 640, 1.4
"""Pixels a side of a stored pair, and its side in longer sides of the piece."""
DEVELOPED, USES = 64, 5
"""Pairs kept at a time, and views cut from each."""
WHITE = 0.65
"""Share of the pairs whose target is the studio for pure white."""
PALE = 0.35
"""Share of the photos on nearly white ground, as most sellers take them: there a stone's own darkness is to be kept."""
CONFUSED = 0.35
"""Share of the views in which metal is taken for stone and stone for metal here and there, as segmentation does."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The square around one piece in two lights, STORED pixels a side, and the second light [27].

    photo, answer uint8 [S, S, 3]: as of `unmixed`; alpha, metal, stone. colour uint8 [S, S, 3], sRGB, premultiplied;
    kinds uint8 [S, S, 2]: coverage of what scatters light in its body, and of what is clear.
    """

    photo: U8
    answer: U8
    colour: U8
    kinds: U8
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
    ground = pale(rng, piece.size) if rng.random() < PALE else backdrop(rng, piece.size)
    photo, answer = shade.photograph(rng, piece, ground, drawn, seed)
    colour, whole = studio.picture(piece, target, drawn, seed)
    colour = np.round(encoded(colour.clip(0, 1)) * whole[..., :1]).astype(np.uint8)
    kinds = np.dstack([shade.coverage(piece, drawn, kind) for kind in (shade.BODIES, ("clear",))])
    square = around(answer[..., 0])
    shown = np.round(255 * unmixed(photo, answer[..., 0].astype(np.float32) / 255, square, STORED)).astype(np.uint8)
    stored = (sampled(image, square, STORED).astype(np.uint8) for image in (answer, colour, kinds))
    return Pair(shown, *stored, target.harmonics())


def pale(rng: np.random.Generator, size: int) -> U8:
    """Return a nearly white ground [size, size, 3] uint8 sRGB: paper, a sweep, a light tent."""
    tone = np.full(3, rng.uniform(215, 252)) + rng.normal(0, 3, 3)
    return np.broadcast_to(np.round(tone.clip(0, 255)).astype(np.uint8), (size, size, 3)).copy()


def around(alpha: U8) -> Window:
    """Return the square around a piece that every view of it lies in."""
    rows, columns = np.flatnonzero((alpha > 64).any(1)), np.flatnonzero((alpha > 64).any(0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    side = round(ROOM * max(right - left, bottom - top))
    return Window(int(left + right - side) // 2, int(top + bottom - side) // 2, side, side)


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
        """Return one view of a pair: what the network sees [6, S, S], the light [27], and the truth [6, S, S].

        Seen are the photo (its ground tells the old light), alpha, metal and stone. True are colour, coverage, and
        coverage of what scatters light in its body and of what is clear.
        """
        if len(self.developed) < DEVELOPED or rng.random() < 1 / USES:
            self.developed.append(develop(rng, self.traced[int(rng.integers(len(self.traced)))]))
            self.developed = self.developed[-DEVELOPED:]
        return view(rng, self.developed[int(rng.integers(len(self.developed)))], self.side)


def confused(rng: np.random.Generator, answer: F32) -> F32:
    """Let metal and stone [..., 1:3] of an answer [S, S, 3] trade places in parts of the picture."""
    kinds = answer[..., 1:]
    share = shade.patches(rng, answer.shape[0], 6.0, 4.0)[..., None]
    return np.dstack([answer[..., :1], kinds + share * (kinds[..., ::-1] - kinds)])


def view(rng: np.random.Generator, pair: Pair, side: int) -> tuple[F32, F32, F32]:
    """Cut the piece out of its photo, with a camera's faults and a segmentation's."""
    reach = STORED / ROOM * float(rng.uniform(1.0, 1.3))
    left, top = (round(STORED / 2 - reach / 2 + rng.normal(0, 0.02) * reach) for _ in range(2))
    window = Window(left, top, round(reach), round(reach))

    def cut(image: U8) -> U8:
        return np.round(sampled(image, window, side)).astype(np.uint8)

    shown = np.round(255 * unmixed(pair.photo, pair.answer[..., 0].astype(np.float32) / 255, window, side))
    photo = camera(rng, shown.astype(np.uint8), 0.35).astype(np.float32) / 255
    answer = cut(pair.answer).astype(np.float32) / 255
    weight, kinds = answer[..., :1].copy(), cut(pair.kinds).astype(np.float32) / 255
    colour = cut(pair.colour).astype(np.float32) / np.maximum(255 * weight, 1)
    if rng.random() < 0.5:
        answer = cv2.GaussianBlur(answer, (0, 0), float(rng.uniform(0.3, 1.5)))
    if rng.random() < CONFUSED:
        answer = confused(rng, answer)
    elif rng.random() < 0.2:  # little known of either
        answer[..., 1:] *= float(rng.uniform(0, 1))
    seen = np.concatenate([photo, answer], -1)
    truth = np.concatenate([colour.clip(0, 1), weight, np.minimum(kinds, weight)], -1)
    return seen.transpose(2, 0, 1).astype(np.float32), pair.light, truth.transpose(2, 0, 1).astype(np.float32)
