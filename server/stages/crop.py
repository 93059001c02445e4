"""crop: the window of the photo that holds the piece, resampled for the network."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass

import numpy as np

from kernels.reference.letterbox import unletterbox
from kernels.reference.srgb import U8
from kernels.reference.window import around
from server.card import Card
from server.engines import SILENT, Board
from server.pixels import HOST, Array, Pixels
from server.report import Report


@dataclass(frozen=True, slots=True)
class Cropper:
    """The stage: chooses the window on the overview's alpha and letterboxes its pixels."""

    card: Card
    on: Pixels = HOST
    board: Board = SILENT

    def __call__(self, pixels: Array, overview_coarse: Array, report: U8) -> dict[str, Array]:
        """Return window [4] int32 (left, top, width, height in photo pixels), net_input [3, S, S], and the report.

        pixels [H, W, 3] uint8 sRGB; overview_coarse [3, s, s] float32 in [0, 1]; S as the card says of the window. The
        report's `window` is null where the whole photo is taken.
        """
        found = Report.read(report)
        with found.stage("crop"):
            net = self.card.input
            height, width = pixels.shape[:2]
            alpha = unletterbox(overview_coarse, height, width)[0]
            window = around(self.on.extent(alpha), alpha.shape, height, width, net.size)
            net_input = self.on.letterbox(pixels, window, net.side(window), net.mean, net.scale)
            cropped = (window.width, window.height) != (width, height)
            found.facts["window"] = asdict(window) if cropped else None
            # The networks before and behind have no report of their own.
            for stage in ("locate", "segment"):
                if engine := self.board.ask(stage):
                    found.ran(stage, str(engine))
        return {"window": np.array(astuple(window), np.int32), "net_input": net_input, "report": found.write()}
