"""Triton's own metrics: how long photos queued and computed in each stage between two looks."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass

from server.contract import STAGES

LINE = re.compile(r'^nv_inference_(\w+?)(?:_us)?\{model="(\w+)"[^}]*\} ([\d.e+]+)$', re.MULTILINE)
COMPUTE = ("compute_input_duration", "compute_infer_duration", "compute_output_duration")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counters by (metric, model), as they stood at one moment."""

    counters: dict[tuple[str, str], float]

    def since(self, before: Snapshot) -> dict[str, dict[str, float]]:
        """Return per stage: photos, and milliseconds per photo in its queue and at work."""
        split: dict[str, dict[str, float]] = {}
        for stage in STAGES:

            def grown(metric: str, stage: str = stage) -> float:
                key = (metric, stage)
                return self.counters.get(key, 0.0) - before.counters.get(key, 0.0)

            photos = grown("request_success")
            if photos:
                split[stage] = {
                    "photos": photos,
                    "queue_ms": round(grown("queue_duration") / photos / 1000, 2),
                    "compute_ms": round(sum(map(grown, COMPUTE)) / photos / 1000, 2),
                }
        return split


def read(address: str) -> str:
    """Return the metrics at host:port as Triton writes them."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as page:
        return page.read().decode()


def look(address: str) -> Snapshot:
    """Read the metrics at host:port."""
    return Snapshot({(metric, model): float(value) for metric, model, value in LINE.findall(read(address))})
