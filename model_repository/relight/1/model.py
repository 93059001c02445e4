from __future__ import annotations

from server.card import RelightCard, read_card
from server.networks import RelightNetwork
from server.stages.relight import Relighter
from server.triton import Place, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = Place(args)
        card = read_card(self.place.folder / "model.json", RelightCard)
        with self.place as here:
            self.relight = Relighter(RelightNetwork(card, here.folder, here.start()), here.pixels)
        here.tell(self.relight.network.engine)

    def execute(self, requests):
        with self.place:
            return serve_each(requests, self.place, self.relight)
