"""segment: the network's input to coarse coverage of alpha, metal and stone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.reference.srgb import F32
from server.networks import SegmentNetwork


@dataclass(frozen=True, slots=True)
class Segmenter:
    """The stage: one network over a batch of fixed size."""

    network: SegmentNetwork

    def __call__(self, net_input: F32) -> dict[str, np.ndarray]:
        """Return coarse [N, 3, S, S] float32 in [0, 1] for net_input [N, 3, S, S]; raise ValueError on another S."""
        return {"coarse": self.network(net_input)}
