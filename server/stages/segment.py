"""segment: the network's input to coarse coverage of alpha, metal and stone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernels.reference.srgb import F32
from server.card import Card
from server.engines import Start
from server.networks import SegmentNetwork


@dataclass(frozen=True, slots=True)
class Segmenter:
    """The stage: one network, compiled for each side of its input."""

    networks: Mapping[int, SegmentNetwork]

    @classmethod
    def of(cls, card: Card, folder: Path, start: Start, batch: int = 1) -> Segmenter:
        """Compile the network in `folder`; raise ValueError where it does not fit its card."""
        return cls({side: SegmentNetwork(card, folder, side, start, batch=batch) for side in card.input.sides})

    def __call__(self, net_input: F32) -> dict[str, np.ndarray]:
        """Return coarse [N, 3, S, S] float32 in [0, 1] for net_input [N, 3, S, S]; raise ValueError on another S."""
        side = net_input.shape[-1]
        if side not in self.networks:
            raise ValueError(f"net_input is {side} px wide, the network takes {' or '.join(map(str, self.networks))}")
        return {"coarse": self.networks[side](net_input)}
