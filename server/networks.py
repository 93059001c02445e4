"""The two networks as the stages know them: what they are shown, and what their outputs mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kernels.reference.letterbox import letterbox
from kernels.reference.srgb import F32, U8
from server.card import Card, RelightCard
from server.engines import CANARY, Array, Engine, Network, Start


class SegmentNetwork:
    """A card's segmentation network at one size."""

    engine: Engine

    def __init__(
        self, card: Card, folder: Path, size: int, start: Start, output: str | None = None, batch: int = 1
    ) -> None:
        """Compile the network in `folder` for inputs of `size` x `size`; `output` is read in place of the card's.

        Raises ValueError where it does not fit its card or does not take that size.
        """
        self.card, self.size = card, size
        channels = [card.alpha, card.metal, card.stone]
        self._channels = [c and (output or c.output, c.channel) for c in channels]
        outputs = {c[0]: (-1, size, size) for c in self._channels if c}
        net = card.input

        def probe() -> dict[str, F32]:
            return {net.name: letterbox(canary(), size, net.mean, net.scale)[None]}

        self.engine = start(Network.of(card, folder, {net.name: (3, size, size)}, outputs, probe, batch))

    def __call__(self, net_input: Array) -> Array:
        """Return coverage [N, 3, S, S] in [0, 1]: alpha, metal, stone; a map the network lacks is 0.

        net_input [N, 3, S, S] float32, normalised as the card says; raises ValueError on another S than its own.
        """
        wanted = (3, self.size, self.size)
        if net_input.shape[1:] != wanted:
            raise ValueError(f"the network's input is {net_input.shape[1:]}, here {self.card.name} takes {wanted}")
        answer = self.engine({self.card.input.name: net_input})
        coarse = np.zeros_like(net_input)
        for index, channel in enumerate(self._channels):
            if channel:
                found = answer[channel[0]][:, channel[1]]
                coarse[:, index] = 1 / (1 + np.exp(-found)) if self.card.sigmoid else found
        return coarse.clip(0, 1, out=coarse)


class RelightNetwork:
    """The relight network."""

    engine: Engine

    def __init__(self, card: RelightCard, folder: Path, start: Start) -> None:
        """Compile the network in `folder`; raise ValueError where it does not fit its card."""
        self.card = card
        inputs = {"seen": (6, card.side, card.side), "light": (27,)}

        def probe() -> dict[str, F32]:
            photo = letterbox(canary(), card.side, (0, 0, 0), (1, 1, 1))
            lit = np.outer(np.add(card.above, card.below), np.ones(3)).astype(np.float32)
            # The canary's middle stands for the piece, metal without stones.
            piece = np.zeros((3, card.side, card.side), np.float32)
            piece[:2, card.side // 4 : -card.side // 4, card.side // 4 : -card.side // 4] = 1
            return {"seen": np.concatenate([photo, piece])[None], "light": lit.reshape(1, 27)}

        self.engine = start(Network.of(card, folder, inputs, {"transforms": (12, card.grid, card.grid)}, probe))

    def __call__(self, seen: Array, light: Array) -> Array:
        """Return transforms [g, g, 12] for seen [6, S, S] in [0, 1] and light [27]."""
        answer = self.engine({"seen": seen[None], "light": light[None]})["transforms"]
        return answer[0].transpose(1, 2, 0).copy()


def canary() -> U8:
    """Return the pixels of a photo with one whole piece in it, [H, W, 3] uint8 sRGB."""
    import simplejpeg

    return np.asarray(simplejpeg.decode_jpeg(CANARY.read_bytes(), "RGB"), np.uint8)
