"""locate: a small overview of the photo to the coverage that says where the piece is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.reference.srgb import F32
from server.networks import SegmentNetwork


@dataclass(frozen=True, slots=True)
class Locator:
    """The stage: segment's network once more, at the size of the overview."""

    network: SegmentNetwork

    def __call__(self, overview: F32) -> dict[str, np.ndarray]:
        """Return overview_coarse [N, 3, s, s] float32 in [0, 1] for overview [N, 3, s, s]."""
        return {"overview_coarse": self.network(overview)}
