"""Ask three times what a server can do, and watch it refuse the rest and recover: `python -m perf.overload`."""

from __future__ import annotations

import argparse
import io
import json
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image

from clients.client import Client
from clients.errors import MilgrainError
from perf.bench import environment, told
from perf.bench import row as figures
from perf.load import Round, closed, opened
from perf.provenance import ROOT
from perf.running import engines, running
from server.contract import Look

LOOK = Look(size=None)
RECOVERED_S = 5.0
"""Seconds after the load's end within which a photo must be answered again."""


def small_photo(side: int) -> bytes:
    """Return a JPEG of a sample photo."""
    out = io.BytesIO()
    with Image.open(ROOT / "docs" / "photos" / "solitaire-on-marble.jpg") as photo:
        photo.convert("RGB").resize((side, side)).save(out, "JPEG", quality=92)
    return out.getvalue()


def overload(address: str, photo: bytes, *, factor: float, seconds: float, calibration: float) -> dict[str, Any]:
    """Measure the capacity in a closed loop, then offer `factor` times as much for `seconds`, then probe.

    Every photo must be answered or refused: raises RuntimeError where one is not. `recovery_s` is the time from the
    last arrival to the first answer to a photo that was sent after it.
    """
    capacity = closed(address, [photo], LOOK, concurrency=6, warm_up=calibration / 3, seconds=calibration).per_second()
    idle = closed(address, [photo], LOOK, concurrency=1, warm_up=0.5, seconds=calibration / 2)
    recovery: list[float] = []
    with Client(address) as client:
        loaded = _probed(client, address, photo, factor * capacity, seconds, recovery)
        start = time.monotonic()
        latency_ms = 0.0
        for _ in range(3):
            sent = time.monotonic()
            client.cut(photo, LOOK, timeout=60)
            latency_ms = (time.monotonic() - sent) * 1000
        settled = time.monotonic() - start
    refused = [reply for reply in loaded.replies if reply.retryable]
    waits = sorted((reply.ended - reply.due) * 1000 for reply in refused)
    return {
        "capacity_per_s": round(capacity, 3),
        "offered_per_s": round(len(loaded.replies) / seconds, 3),
        "seconds": seconds,
        "idle": figures("closed 1", [idle], 1000),
        "overloaded": figures(f"open {factor:g}", [loaded], 1000),
        "offered": len(loaded.replies),
        "answered": len(loaded.good),
        "refused_retryable": len(refused),
        "failed_otherwise": sum(bool(reply.error) and not reply.retryable for reply in loaded.replies),
        "refusal_ms": {"p50": round(waits[len(waits) // 2], 1), "max": round(waits[-1], 1)} if waits else None,
        "recovery_s": round(recovery[0], 2),
        "afterwards": {"three_photos_s": round(settled, 2), "last_ms": round(latency_ms, 1)},
    }


def _probed(client: Client, address: str, photo: bytes, rate: float, seconds: float, recovery: list[float]) -> Round:
    """Offer the load; from its last arrival on, send a photo again and again until one is answered."""

    def probe() -> None:
        time.sleep(seconds)
        ended = time.monotonic()
        while not recovery:
            try:
                client.cut(photo, LOOK, timeout=60)
                recovery.append(time.monotonic() - ended)
            except MilgrainError:
                time.sleep(0.1)

    prober = threading.Thread(target=probe)
    prober.start()
    loaded = opened(address, [photo], LOOK, rate=rate, warm_up=0, seconds=seconds, seed=3)
    prober.join()
    return loaded


def is_good(found: dict[str, Any]) -> bool:
    """Tell whether the rest was refused retryably, nothing failed otherwise, and the server came back in time."""
    refused = found["refused_retryable"] > 0 and not found["failed_otherwise"]
    return refused and found["answered"] > 0 and found["recovery_s"] <= RECOVERED_S


def main() -> None:
    """Overload a server, print what happened and write the result file; exit code 1 where it did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--factor", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--side", type=int, default=600, help="of the photo, in pixels")
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "overload-cpu.json")
    args = parser.parse_args()
    origin = environment()
    with running() as server:
        ran = engines(server.grpc)
        found = overload(
            server.grpc, small_photo(args.side), factor=args.factor, seconds=args.seconds, calibration=20.0
        )
    setting = {"engines": ran, "side_px": args.side, "factor": args.factor}
    result = {"provenance": origin, **setting, **found, "held": is_good(found)}
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(told(found["idle"]))
    print(told(found["overloaded"]))
    print(json.dumps({key: value for key, value in found.items() if key not in ("idle", "overloaded")}, indent=1))
    if not is_good(found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
