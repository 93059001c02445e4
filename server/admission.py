"""Bound how many photos wait inside the server: decode turns away what comes on top, while it is still small."""

from __future__ import annotations

import http.client
import re
import threading
import time
from http import HTTPStatus

from server.contract import OVERLOADED

PENDING = re.compile(r'^nv_inference_pending_request_count\{model="(\w+)"[^}]*\} (\d+)', re.MULTILINE)
FIRST = "decode"
"""Its own queue holds encoded photos that are not admitted yet."""
INTERVAL = 0.02
"""Seconds between two looks at Triton's metrics, at least."""


class Admission:
    """A limit on the photos that wait behind decode.

    Triton itself knows how many wait, whatever becomes of them (answered, failed, cancelled by a caller that died), so
    its own gauge is read; and only where the last reading and the photos admitted since may come to `limit`.
    """

    def __init__(self, limit: int, metrics: str) -> None:
        """Take the limit, and host:port of Triton's metrics; 0 or no address admit all."""
        self._limit = limit if metrics else 0
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting = 0
        self._read_at = float("-inf")

    def enter(self) -> None:
        """Admit one photo, or raise ValueError that starts with OVERLOADED."""
        if not self._limit:
            return
        with self._lock:
            if self._waiting >= self._limit and time.monotonic() - self._read_at > INTERVAL:
                self._waiting = waiting(self._metrics)
                self._read_at = time.monotonic()
            if self._waiting >= self._limit:
                raise ValueError(f"{OVERLOADED}{self._waiting} photos wait already, at most {self._limit} may")
            self._waiting += 1


def waiting(metrics: str) -> int:
    """Return how many requests wait for a stage behind decode; raise OSError where Triton does not say."""
    connection = http.client.HTTPConnection(metrics, timeout=2)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    found = PENDING.findall(text)
    if answer.status != HTTPStatus.OK or not found:
        raise OSError(f"http://{metrics}/metrics ({answer.status}) does not say how many requests wait")
    return sum(int(count) for model, count in found if model != FIRST)
