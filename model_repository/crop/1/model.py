from __future__ import annotations

from server.card import read_card
from server.engines import Board
from server.stages.crop import Cropper
from server.triton import Place, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = here = Place(args)
        # The network's input is made here, so its card is read here: ../segment/1/model.json.
        card = read_card(here.folder.parent.parent / "segment" / "1" / "model.json")
        self.crop = Cropper(card, here.pixels, Board(here.settings.board))

    def execute(self, requests):
        with self.place:
            return serve_each(requests, self.place, self.crop)
