from __future__ import annotations

from server.stages.composite import composite
from server.triton import serve_each


class TritonPythonModel:
    """Named by Triton."""

    def execute(self, requests):
        return serve_each(requests, "composite", composite)
