from __future__ import annotations

from functools import partial

from server.codecs import jpeg_codec
from server.device import Memory
from server.stages.encode import encode
from server.triton import Place, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = Place(args)
        with self.place:
            self.encode = partial(encode, codec=jpeg_codec(Memory(self.place.gpu)))

    def execute(self, requests):
        with self.place:
            return serve_each(requests, self.place, self.encode)
