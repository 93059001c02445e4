"""Stream thousands of photos and watch that nothing is lost and no memory grows: `python -m perf.soak`.

Every photo has a size of its own, which no other in the run has. The report echoes the size and the bytes of the
photo it is about, and the picture keeps the photo's size: an answer given to the wrong photo cannot stay unnoticed.
Memory is read under load, for its peak, and every so often at rest, for its growth: with nothing under way, what the
photos at hand happen to need is out of the figure.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from clients.client import Answer, Client
from perf.provenance import ROOT, provenance
from perf.running import engines, running
from server.contract import Look

LOOK = Look(size=None, quality=90)  # the photo's own size and framing
SIDES = range(256, 656)
SETTLED = 200
"""Answers after which memory must not grow any more, and between two looks at rest."""
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    """What the answer must echo, and when the photo was handed over."""

    width: int
    height: int
    bytes: int
    at: float


@dataclass(slots=True)
class Soak:
    """One run's books."""

    sources: list[Image.Image]
    under_way: dict[str, Sent] = field(default_factory=dict)
    most_under_way: int = 0
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    def photos(self, count: int, at_rest: Callable[[], None] = lambda: None) -> Iterator[tuple[str, bytes]]:
        """Yield `count` photos, each made when asked for; `at_rest` is called after every 200 answers, and the last."""
        for number in range(count):
            if number and number % SETTLED == 0:
                self._rest(at_rest)
            width, height = size_of(number)
            out = io.BytesIO()
            self.sources[number % len(self.sources)].resize((width, height)).save(out, "JPEG", quality=90)
            name, photo = f"{number:05}.jpg", out.getvalue()
            self.under_way[name] = Sent(width, height, len(photo), time.monotonic())
            self.most_under_way = max(self.most_under_way, len(self.under_way))
            yield name, photo
        self._rest(at_rest)

    def _rest(self, at_rest: Callable[[], None]) -> None:
        while self.under_way:
            time.sleep(0.01)
        at_rest()

    def check(self, name: str, answer: Answer | Exception) -> None:
        """Strike one photo off, and hold its answer against what was sent."""
        sent = self.under_way.pop(name)
        self.answered += 1
        self.latencies_ms.append((time.monotonic() - sent.at) * 1000)
        if not isinstance(answer, Answer):
            self.failures.append(str(answer))
            return
        photo = answer.report["photo"]
        with Image.open(io.BytesIO(answer.image)) as picture:
            seen = (photo["width"], photo["height"], photo["bytes"], *picture.size)
        if seen != (sent.width, sent.height, sent.bytes, sent.width, sent.height):
            self.mismatches.append(f"{name}: sent {sent}, seen {seen}")


def size_of(number: int) -> tuple[int, int]:
    """Return width and height of a photo: two numbers that together belong to it alone."""
    assert number < len(SIDES) ** 2
    # Two strides without a common factor with 400 walk through all sides in a mixed order.
    return SIDES[(number * 157) % len(SIDES)], SIDES[(number * 211 + number // len(SIDES)) % len(SIDES)]


def memory_mib(pid: int) -> float:
    """Return the memory of a process and all below it; what several of them share is counted once (PSS)."""
    process = psutil.Process(pid)
    return sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True))) / MIB


def growth(at_rest: list[dict[str, float]], under_load: list[dict[str, float]], key: str) -> dict[str, float]:
    """Return the memory at rest once settled and at the end, its trends in MiB, and the highest under load.

    A leak goes on; a heap that is still finding its size stops: the trend of the run's second half tells them apart.
    """

    def trend(samples: list[dict[str, float]]) -> float:
        slope = statistics.linear_regression([s["answered"] for s in samples], [s[key] for s in samples]).slope
        return round(slope * 1000, 2)

    return {
        f"at_{SETTLED}": at_rest[0][key],
        "at_end": at_rest[-1][key],
        "highest_after": max(sample[key] for sample in under_load if sample["answered"] >= SETTLED),
        "growth_per_1000": trend(at_rest),
        "growth_per_1000_second_half": trend(at_rest[len(at_rest) // 2 :]),
    }


def main() -> None:
    """Soak, print the verdict and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--every", type=int, default=50, help="answers between two looks at memory under load")
    parser.add_argument("--sources", type=Path, default=ROOT / "docs" / "photos")
    parser.add_argument("--server", help="gRPC address of a running server; default: one is started")
    parser.add_argument("--pid", type=int, help="process id of that server's `milgrain serve`, to measure its memory")
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "soak-cpu.json")
    args = parser.parse_args()
    if args.photos < 4 * SETTLED or bool(args.server) != bool(args.pid):
        parser.error(f"--photos must be at least {4 * SETTLED}; --server and --pid go together")

    origin = provenance()  # of what runs, whatever is committed meanwhile
    soak = Soak([Image.open(path).convert("RGB") for path in sorted(args.sources.glob("*.jpg"))])
    at_rest: list[dict[str, float]] = []
    under_load: list[dict[str, float]] = []
    with ExitStack() as stack:
        if args.server:
            address, pid = args.server, args.pid
        else:
            server = stack.enter_context(running(f"--max-waiting={args.in_flight}"))
            address, pid = server.grpc, server.pid
        client = stack.enter_context(Client(address))
        ran = engines(address)
        start = time.monotonic()

        def look(samples: list[dict[str, float]]) -> None:
            sample = {
                "answered": soak.answered,
                "seconds": round(time.monotonic() - start, 1),
                "server_mib": round(memory_mib(pid), 1),
                "client_mib": round(psutil.Process().memory_full_info().uss / MIB, 1),
            }
            samples.append(sample)
            print(json.dumps(sample), flush=True)

        photos = soak.photos(args.photos, at_rest=lambda: look(at_rest))
        for name, answer in client.stream(photos, LOOK, in_flight=args.in_flight, timeout=300):
            soak.check(name, answer)
            if soak.answered % args.every == 0:
                look(under_load)
        seconds = time.monotonic() - start

    cuts = statistics.quantiles(soak.latencies_ms, n=100)
    result: dict[str, Any] = {
        "provenance": origin,
        "engines": ran,
        "photos": args.photos,
        "sides_px": [SIDES.start, SIDES.stop - 1],
        "in_flight": args.in_flight,
        "most_under_way": soak.most_under_way,
        "answered": soak.answered,
        "lost": args.photos - soak.answered,
        "mismatched": soak.mismatches,
        "failed": soak.failures,
        "seconds": round(seconds, 1),
        "photos_per_s": round(soak.answered / seconds, 3),
        "latency_ms": {"p50": round(cuts[49]), "p90": round(cuts[89]), "p99": round(cuts[98])},
        "memory_mib": {side: growth(at_rest, under_load, f"{side}_mib") for side in ("server", "client")},
        "at_rest": at_rest,
        "under_load": under_load,
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(
        json.dumps(
            {key: value for key, value in result.items() if key not in ("provenance", "at_rest", "under_load")},
            indent=1,
        )
    )
    if result["lost"] or soak.mismatches or soak.failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
