from __future__ import annotations

import os

from server.card import read_card
from server.engines import OpenVinoEngine
from server.settings import Settings
from server.stages.segment import Segmenter
from server.triton import folder, serve_batch


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        here = folder(args)
        card, threads = read_card(here / "model.json"), Settings.from_environment(os.environ).threads
        self.segment = Segmenter(OpenVinoEngine(card, here, card.input.size, threads))

    def execute(self, requests):
        return serve_batch(requests, "segment", self.segment)
