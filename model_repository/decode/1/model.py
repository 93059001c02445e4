from __future__ import annotations

import os

from server.admission import Admission
from server.card import read_card
from server.settings import Settings
from server.stages.decode import Decoder
from server.triton import folder, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        # The network's overview is made here, so its card is read here: ../segment/1/model.json.
        card = read_card(folder(args).parent.parent / "segment" / "1" / "model.json")
        settings = Settings.from_environment(os.environ)
        self.decode = Decoder(card, settings, Admission(settings.max_waiting, settings.metrics))

    def execute(self, requests):
        return serve_each(requests, "decode", self.decode)
