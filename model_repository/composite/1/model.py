from __future__ import annotations

from functools import partial

from server.stages.composite import composite
from server.triton import Place, serve_each


class TritonPythonModel:
    """Named by Triton."""

    def initialize(self, args):
        self.place = Place(args)
        self.composite = partial(composite, on=self.place.pixels)

    def execute(self, requests):
        with self.place:
            return serve_each(requests, self.place, self.composite)
