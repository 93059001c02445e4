from __future__ import annotations

import os

from server.card import RelightCard, read_card
from server.engines import RelightEngine
from server.settings import Settings
from server.stages.relight import Relighter
from server.triton import folder, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        here = folder(args)
        card, threads = read_card(here / "model.json", RelightCard), Settings.from_environment(os.environ).threads
        self.relight = Relighter(RelightEngine(card, here, threads))

    def execute(self, requests):
        return serve_each(requests, "relight", self.relight)
