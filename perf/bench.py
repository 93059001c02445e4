"""Measure a server under load, closed and open loop, into one result file: `milgrain bench`, `python -m perf.bench`.

Closed loop: N photos under way, for each N. Open loop: Poisson arrivals at shares of the highest throughput that the
closed loop found; latency counts from the moment a photo was due. Levels take turns, in several rounds: their spread
is that of the rounds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from hdrh.histogram import HdrHistogram

from clients.client import Client
from perf import metrics
from perf.load import Round, closed, histogram, opened, percentiles
from perf.provenance import ROOT, provenance
from perf.running import engines, running
from perf.soak import memory_mib
from perf.stages import SIDE, alone_rate, instances, sample
from server.contract import Look

SCHEMA = Path(__file__).parent / "schema" / "bench.json"
PACKAGES = ("numpy", "opencv-python-headless", "openvino", "simplejpeg", "nvidia-pytriton", "tritonclient", "grpcio")


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of load: its name, and how to put it on."""

    name: str
    put: Callable[[int], Round]


def environment() -> dict[str, Any]:
    """Return where this runs and how busy that is."""
    return provenance() | {
        "load_1min": round(os.getloadavg()[0], 2),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def row(name: str, rounds: Sequence[Round], target_ms: float) -> dict[str, Any]:
    """Return one level's figures: throughput, goodput and their spread over the rounds, latency, failures."""
    speeds = [round(each.per_second(), 4) for each in rounds]
    found = histogram(rounds)
    halves = [each.halves() for each in rounds]
    first, second = (statistics.mean(pair[half] for pair in halves) for half in (0, 1))
    errors: dict[str, int] = {}
    for each in rounds:
        for kind, count in each.errors().items():
            errors[kind] = errors.get(kind, 0) + count
    return {
        "level": name,
        "photos_per_s": {"median": statistics.median(speeds), "rounds": speeds},
        "goodput_per_s": round(statistics.median(each.goodput(target_ms) for each in rounds), 4),
        "halves_per_s": [round(first, 3), round(second, 3)],
        "answers": int(found.get_total_count()),
        "errors": errors,
        "latency_ms": percentiles(found),
        "histogram": found.encode().decode(),
    }


def slowest_stage(split: dict[str, dict[str, float]]) -> str:
    """Return the stage whose instances together are the slowest."""
    return max(split, key=lambda name: split[name]["compute_ms"] / instances(name))


def efficiency(split: dict[str, dict[str, float]], capacity: float, photo: bytes, seconds: float) -> dict[str, Any]:
    """Return the ensemble's throughput over that of its slowest stage alone, which is measured now, on this machine."""
    slowest = slowest_stage(split)
    alone = alone_rate(slowest, photo, seconds)
    return {
        "ensemble_per_s": capacity,
        "slowest_stage": slowest,
        "slowest_alone_per_s": round(alone, 3),
        "ratio": round(capacity / alone, 3),
    }


def check_result(result: dict[str, Any]) -> None:
    """Hold a result against the schema; raise jsonschema.ValidationError."""
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))


def read_result(path: Path) -> dict[str, Any]:
    """Return a result file; raise ValueError that names it where it is none."""
    try:
        result = json.loads(path.read_text())
        check_result(result)
    except (json.JSONDecodeError, jsonschema.ValidationError) as wrong:
        raise ValueError(f"{path} is no result of perf.bench: {str(wrong).splitlines()[0]}") from None
    return result


def latencies(level: dict[str, Any]) -> HdrHistogram:
    """Return a level's histogram, microseconds."""
    return HdrHistogram.decode(level["histogram"])


def numbers(text: str) -> list[float]:
    """Parse `1,2,4`."""
    return [float(part) for part in text.split(",")]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the result file."""
    parser = argparse.ArgumentParser(
        prog="milgrain bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", help="gRPC address of a running server; default: one of the cpu profile is started")
    parser.add_argument("--metrics", help="that server's metrics address")
    parser.add_argument("--concurrency", type=numbers, default=[1, 2, 4, 8, 12], help="closed loop: photos under way")
    parser.add_argument("--shares", type=numbers, default=[0.5, 0.8], help="open loop: shares of the capacity")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=10)
    parser.add_argument("--target-ms", type=float, default=3000, help="goodput counts answers within it")
    parser.add_argument("--photo", type=Path, default=ROOT / "docs" / "photos" / "solitaire-on-marble.jpg")
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "bench-cpu.json")
    args = parser.parse_args(argv)
    if bool(args.server) != bool(args.metrics):
        parser.error("--server and --metrics go together")
    origin = environment()
    photo, look = sample(args.photo), Look()
    with ExitStack() as stack:
        pid = None
        if args.server:
            address, metrics_address = args.server, args.metrics
        else:
            # Of the cpu profile on any machine, for its slowest stage is held against this machine's cores.
            server = stack.enter_context(running("--profile=cpu"))
            address, metrics_address, pid = server.grpc, server.metrics, server.pid
        client = stack.enter_context(Client(address))
        client.wait_ready()
        for _ in range(3):
            client.cut(photo, look)
        shared = {"warm_up": args.warm_up, "seconds": args.seconds}
        levels = [
            Level(f"closed {int(n)}", lambda _, n=int(n): closed(address, [photo], look, concurrency=n, **shared))
            for n in args.concurrency
        ]
        ran = engines(address)
        memory = [memory_mib(pid)] if pid else []
        before = metrics.look(metrics_address)
        rows = _measured(levels, args.rounds, args.target_ms)
        split = metrics.look(metrics_address).since(before)
        capacity = max(row["photos_per_s"]["median"] for row in rows)
        open_levels = [
            Level(
                f"open {share:g}",
                lambda turn, rate=share * capacity: opened(address, [photo], look, rate=rate, seed=turn, **shared),
            )
            for share in args.shares
        ]
        rows += _measured(open_levels, args.rounds, args.target_ms)
        memory += [memory_mib(pid)] if pid else []
    result = {
        "schema": 1,
        "provenance": origin,
        "engines": ran,
        "photo": {"width": SIDE, "height": SIDE, "bytes": len(photo), "look": json.loads(look.to_bytes())},
        "rounds": args.rounds,
        "seconds": args.seconds,
        "warm_up_s": args.warm_up,
        "target_ms": args.target_ms,
        "levels": rows,
        "stages": split,
        "server_mib": [round(each, 1) for each in memory],
    }
    if not args.server:  # one that is named may run on another machine, which a stage alone here says nothing of
        result["efficiency"] = efficiency(split, capacity, photo, min(args.seconds, 20.0))
    check_result(result)
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    for each in rows:
        print(told(each))
    print(f"wrote {args.result}")
    return 0


def told(each: dict[str, Any]) -> str:
    """Return one level as a line."""
    late = each["latency_ms"]
    figures = ", ".join(f"{name} {value['ms']:.0f} ms" for name, value in late.items())
    speeds = each["photos_per_s"]["rounds"]
    return f"{each['level']:10s} {min(speeds):.2f} to {max(speeds):.2f} photos/s, {figures}, errors {each['errors']}"


def _measured(levels: Sequence[Level], rounds: int, target_ms: float) -> list[dict[str, Any]]:
    found: dict[str, list[Round]] = {level.name: [] for level in levels}
    for turn in range(rounds):
        for level in levels:
            found[level.name].append(level.put(turn))
            speed = found[level.name][-1].per_second()
            print(f"round {turn + 1} of {rounds}, {level.name}: {speed:.2f} photos/s", file=sys.stderr, flush=True)
    return [row(name, each, target_ms) for name, each in found.items()]


if __name__ == "__main__":
    sys.exit(main())
