from __future__ import annotations

from server.stages.encode import encode
from server.triton import serve_each


class TritonPythonModel:
    """Named by Triton."""

    def execute(self, requests):
        return serve_each(requests, "encode", encode)
