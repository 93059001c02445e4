from __future__ import annotations

from server.card import read_card
from server.stages.crop import Cropper
from server.triton import folder, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        # The network's input is made here, so its card is read here: ../segment/1/model.json.
        self.crop = Cropper(read_card(folder(args).parent.parent / "segment" / "1" / "model.json"))

    def execute(self, requests):
        return serve_each(requests, "crop", self.crop)
