from __future__ import annotations

from server.card import read_card
from server.stages.segment import Segmenter
from server.triton import Place, serve_batch


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = Place(args)
        card = read_card(self.place.folder / "model.json")
        with self.place as here:
            self.segment = Segmenter.of(card, here.folder, here.start(), here.batch)
        here.tell(self.segment.networks[card.input.size].engine)

    def execute(self, requests):
        with self.place:
            return serve_batch(requests, self.place, self.segment)
