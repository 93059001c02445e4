"""crop: the window of the photo that holds the piece, resampled for the network."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass

import numpy as np

from kernels.reference.letterbox import letterbox, unletterbox
from kernels.reference.srgb import F32, U8
from kernels.reference.window import choose
from server.card import Card
from server.report import Report


@dataclass(frozen=True, slots=True)
class Cropper:
    """The stage: chooses the window on the overview's alpha and letterboxes its pixels."""

    card: Card

    def __call__(self, pixels: U8, overview_coarse: F32, report: U8) -> dict[str, np.ndarray]:
        """Return window [4] int32 (left, top, width, height in photo pixels), net_input [3, S, S], and the report.

        pixels [H, W, 3] uint8 sRGB; overview_coarse [3, s, s] float32 in [0, 1]. The report's `window` is null where
        the whole photo is taken.
        """
        found = Report.read(report)
        with found.stage("crop"):
            net = self.card.input
            height, width = pixels.shape[:2]
            window = choose(unletterbox(overview_coarse, height, width)[0], height, width, net.size)
            seen = pixels[window.inside]
            net_input = letterbox(seen, net.size, net.mean, net.scale)
            cropped = (window.width, window.height) != (width, height)
            found.facts["window"] = asdict(window) if cropped else None
        return {"window": np.array(astuple(window), np.int32), "net_input": net_input, "report": found.write()}
