from __future__ import annotations

from server.card import read_card
from server.networks import SegmentNetwork
from server.stages.locate import Locator
from server.triton import Place, serve_batch


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = Place(args)
        # segment's network at another size: one file, one card.
        segment = self.place.folder.parent.parent / "segment" / "1"
        card = read_card(segment / "model.json")
        with self.place as here:
            side, start = card.input.overview, here.start()
            self.locate = Locator(SegmentNetwork(card, segment, side, start, card.overview, here.batch))
        here.tell(self.locate.network.engine)

    def execute(self, requests):
        with self.place:
            return serve_batch(requests, self.place, self.locate)
