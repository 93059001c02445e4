from __future__ import annotations

import os

from server.card import read_card
from server.engines import OpenVinoEngine
from server.settings import Settings
from server.stages.locate import Locator
from server.triton import folder, serve_batch


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        # segment's network at another size: one file, one card.
        segment = folder(args).parent.parent / "segment" / "1"
        card, threads = read_card(segment / "model.json"), Settings.from_environment(os.environ).threads
        self.locate = Locator(OpenVinoEngine(card, segment, card.input.overview, threads, card.overview))

    def execute(self, requests):
        return serve_batch(requests, "locate", self.locate)
