from __future__ import annotations

from server.admission import Admission
from server.card import read_card
from server.codecs import device_decoder
from server.device import Memory
from server.stages.decode import Decoder
from server.triton import Place, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = Place(args)
        # The network's overview is made here, so its card is read here: ../segment/1/model.json.
        card = read_card(self.place.folder.parent.parent / "segment" / "1" / "model.json")
        settings, gpu = self.place.settings, self.place.gpu
        with self.place:
            device = None if gpu is None else device_decoder(card.input, Memory(gpu), batch=1, threads=1)
        self.decode = Decoder(card, settings, Admission(settings.max_waiting, settings.metrics), device)

    def execute(self, requests):
        with self.place:
            return serve_each(requests, self.place, self.decode)
