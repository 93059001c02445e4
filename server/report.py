"""The report that travels with every photo: each stage adds what it found, how long it took, and any doubt."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kernels.launch import copies
from kernels.reference.srgb import U8

NETWORKS = {"crop": "locate", "refine": "segment"}
"""The network that runs before a stage."""


@dataclass(frozen=True, slots=True)
class Report:
    """JSON between stages. `trace` holds (stage, start, end) in nanoseconds of the machine's monotonic clock."""

    facts: dict[str, Any]

    @classmethod
    def begin(cls) -> Report:
        """Return an empty report."""
        device = {"host_to_device": 0, "device_to_host": 0}
        return cls({"needs_review": False, "reasons": [], "trace": [], "device": device})

    @classmethod
    def read(cls, data: U8) -> Report:
        """Read the wire form, UINT8 [L]."""
        return cls(json.loads(data.tobytes()))

    def write(self) -> U8:
        """Return the wire form, UINT8 [L]."""
        return np.frombuffer(json.dumps(self.facts, separators=(",", ":")).encode(), np.uint8)

    def doubt(self, reason: str) -> None:
        """Ask for a person's eye, and say why."""
        self.facts["needs_review"] = True
        self.facts["reasons"].append(reason)

    def carried(self, *, host_to_device: int = 0, device_to_host: int = 0) -> None:
        """Add bytes of this photo, encoded or not, that a stage carried between host and device."""
        self.facts["device"]["host_to_device"] += host_to_device
        self.facts["device"]["device_to_host"] += device_to_host
        copies.host_to_device += host_to_device
        copies.device_to_host += device_to_host

    def ran(self, stage: str, engine: str) -> None:
        """Say what ran a stage's network."""
        self.facts.setdefault("engines", {})[stage] = engine

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        start = time.monotonic_ns()
        yield
        self.facts["trace"].append((name, start, time.monotonic_ns()))

    def close(self) -> None:
        """Turn the trace into milliseconds.

        A network has no report of its own (its engine may be Triton's native backend), so `locate` and `segment` are
        what passed between their neighbours, waiting included; `waiting` is all other time between two stages.
        """
        trace = self.facts.pop("trace")
        spent = dict.fromkeys((*NETWORKS.values(), "waiting"), 0.0)
        spent |= {name: (end - start) / 1e6 for name, start, end in trace}
        for (_, _, end), (stage, start, _) in pairwise(trace):
            spent[NETWORKS.get(stage, "waiting")] += (start - end) / 1e6
        spent["total"] = (trace[-1][2] - trace[0][1]) / 1e6
        self.facts["timings_ms"] = {name: round(value, 2) for name, value in spent.items()}
