"""Hold our load generator against NVIDIA's perf_analyzer on the same server: `python -m perf.crosscheck`.

Both take turns at the same concurrency with the same photo. perf_analyzer comes from the wheel of tritonclient 2.49.0,
its CUDA runtime from PyPI (no GPU is touched), into an ignored folder; it needs Debian's libb64-0d.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from clients.client import Client
from perf.bench import environment
from perf.load import closed, histogram, percentiles
from perf.provenance import ROOT
from perf.running import engines, running
from perf.stages import SIDE, sample
from server.contract import Look

CACHE = ROOT / ".cache" / "perf_analyzer"
WHEELS = ("tritonclient==2.49.0", "nvidia-cuda-runtime-cu12==12.6.77")


def fetched() -> Path:
    """Return the path of the binary, unpacked from the wheels on the first call."""
    binary = CACHE / "tritonclient-2.49.0.data" / "data" / "bin" / "perf_analyzer"
    if not binary.is_file() or not list(CACHE.glob("nvidia/cuda_runtime/lib/libcudart.so.*")):
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", CACHE]
        subprocess.run([*pip, *WHEELS], check=True)
        for wheel in CACHE.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(CACHE)
        binary.chmod(0o755)
    return binary


def analyzer(address: str, photo: bytes, look: bytes, concurrency: int, seconds: float) -> dict[str, Any]:
    """Run perf_analyzer once; return photos per second and latency percentiles in milliseconds.

    It takes the mean of three windows, whatever their spread: ours is that of the turns.
    Raises RuntimeError with its output where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="milgrain-perf-") as folder:
        data, report = Path(folder) / "data.json", Path(folder) / "report.csv"
        tensors = {
            name: {"content": {"b64": base64.b64encode(value).decode()}, "shape": [len(value)]}
            for name, value in (("photo", photo), ("look", look))
        }
        data.write_text(json.dumps({"data": [tensors]}))
        command = [
            str(fetched()), "-m", "catalog", "-i", "grpc", "-u", address, "--async", "-b", "1",
            "--input-data", str(data), "--concurrency-range", str(concurrency),
            "--measurement-interval", str(round(seconds * 1000 / 3)), "--stability-percentage", "999",
            "-f", str(report), "--percentile", "50",
        ]  # fmt: skip
        libraries = str(CACHE / "nvidia" / "cuda_runtime" / "lib")
        environ = os.environ | {"LD_LIBRARY_PATH": f"{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if not report.is_file():
            raise RuntimeError(f"perf_analyzer ended with {done.returncode}: {(done.stderr or done.stdout)[-800:]}")
        (row,) = csv.DictReader(report.read_text().splitlines())
    late = {f"p{n}": float(row[f"p{n} latency"]) / 1000 for n in (50, 90, 99)}
    return {"photos_per_s": float(row["Inferences/Second"]), **{name: round(ms, 1) for name, ms in late.items()}}


def ours(address: str, photo: bytes, look: Look, concurrency: int, seconds: float) -> dict[str, Any]:
    """Run our closed loop once; return the same figures."""
    found = closed(address, [photo], look, concurrency=concurrency, warm_up=min(10.0, seconds / 3), seconds=seconds)
    late = percentiles(histogram([found]))
    return {"photos_per_s": round(found.per_second(), 4), **{name: late[name]["ms"] for name in ("p50", "p90", "p99")}}


def agreement(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return for throughput and median latency both ranges over the rounds, the ratio of the medians, and whether the
    two agree: the ranges overlap, or the medians differ by less than the larger range.
    """
    found: dict[str, Any] = {}
    for key in ("photos_per_s", "p50"):
        mine, other = ([each[key] for each in rounds] for rounds in (ours, theirs))
        middle = statistics.median(mine), statistics.median(other)
        spread = max(max(mine) - min(mine), max(other) - min(other))
        overlap = min(mine) <= max(other) and min(other) <= max(mine)
        found[key] = {
            "ours": [min(mine), max(mine)],
            "perf_analyzer": [min(other), max(other)],
            "ratio": round(middle[0] / middle[1], 3),
            "agree": overlap or abs(middle[0] - middle[1]) <= spread,
        }
    return found


def main() -> None:
    """Measure in turns, print both and write the result file; exit code 1 where they disagree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--photo", type=Path, default=ROOT / "docs" / "photos" / "solitaire-on-marble.jpg")
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "crosscheck-cpu.json")
    args = parser.parse_args()
    origin = environment()
    photo, look = sample(args.photo), Look()
    mine: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    with running() as server, Client(server.grpc) as client:
        for _ in range(3):
            client.cut(photo, look)
        ran = engines(server.grpc)
        for _ in range(args.rounds):
            mine.append(ours(server.grpc, photo, look, args.concurrency, args.seconds))
            theirs.append(analyzer(server.grpc, photo, look.to_bytes(), args.concurrency, args.seconds))
            print(f"ours {mine[-1]}\nperf_analyzer {theirs[-1]}", flush=True)
    found = agreement(mine, theirs)
    result = {
        "provenance": origin,
        "engines": ran,
        "photo": {"width": SIDE, "height": SIDE, "bytes": len(photo)},
        "concurrency": args.concurrency,
        "seconds": args.seconds,
        "ours": mine,
        "perf_analyzer": theirs,
        "agreement": found,
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    if not all(each["agree"] for each in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
