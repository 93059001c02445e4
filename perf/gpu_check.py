"""Run everything that waits for an NVIDIA GPU, into one result file: `make gpu-check`, `python -m perf.gpu_check`.

Every row is a process of its own with a time limit; one that fails does not keep the others from running, and the end
of what it said is in the result. A row whose package or tool is missing says so and counts as not run. Exit code: 1 if
a row failed or ran out of time, else 0. Without a GPU every row says that it needs one, nothing is written, and the
exit code is 0: there is nothing wrong with this machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from perf.provenance import ROOT, provenance
from server.serve import DRIVER

PACKAGES = (
    "cupy-cuda13x",
    "nvidia-dali-cuda130",
    "nvidia-nvimgcodec-cu13",
    "nvidia-pytriton",
    "onnxruntime-gpu",
    "tensorrt",
    "tensorrt-cu13",
    "torch",
)
TAIL = 4000
"""Characters of a row's last words that are kept."""
PYTEST = ("{python}", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-m", "gpu")


@dataclass(frozen=True, slots=True)
class Row:
    """One check: its command ({python} and {out} are filled in), what it cannot do without, and its limit."""

    name: str
    command: tuple[str, ...]
    modules: tuple[str, ...] = ()
    """Modules that must be there, alternatives as `a|b`."""
    tool: str | None = None
    """Program on PATH."""
    limit_s: float = 600


KERNELS = ("tests/kernels", *(f"--ignore=tests/kernels/test_{name}.py" for name in ("compile", "difference")))
"""All that has kernels to launch; the two import what only a machine without a GPU needs."""
SERVER = ("cupy", "nvidia.nvimgcodec", "onnx", "openvino", "pytriton", "tensorrt|onnxruntime")

ROWS = (
    Row("kernels", (*PYTEST, *KERNELS), ("cupy",)),
    Row(
        "memcheck",
        ("compute-sanitizer", "--tool", "memcheck", "--error-exitcode", "1", *PYTEST, *KERNELS),
        ("cupy",),
        "compute-sanitizer",
        1800,
    ),
    Row(
        "racecheck",
        ("compute-sanitizer", "--tool", "racecheck", "--error-exitcode", "1", *PYTEST, *KERNELS),
        ("cupy",),
        "compute-sanitizer",
        1800,
    ),
    Row(
        "TensorRT",
        (*PYTEST, "tests/server/test_tensorrt.py"),
        ("cupy", "openvino", "tensorrt", "tensorrt_rtx_bindings"),
        limit_s=1200,
    ),
    Row("ONNX Runtime", (*PYTEST, "tests/server/test_onnxruntime.py"), ("cupy", "openvino", "onnxruntime")),
    Row("codecs: DALI", (*PYTEST, "tests/server/test_codecs.py", "-k", "not nvimagecodec"), ("cupy", "nvidia.dali")),
    Row(
        "codecs: nvImageCodec",
        (*PYTEST, "tests/server/test_codecs.py", "-k", "not dali"),
        ("cupy", "nvidia.nvimgcodec"),
    ),
    Row("ensemble", ("{python}", "-m", "perf.end_to_end"), SERVER, limit_s=900),
    Row("bytes carried", (*PYTEST, "tests/e2e/test_engines.py"), SERVER),
    Row(
        "kernel times",
        ("{python}", "-m", "perf.cases", "--result", "{out}/cases-gpu.json"),
        ("cupy",),
        limit_s=900,
    ),
    Row(
        "sweep",
        ("{python}", "-m", "perf.sweep", "--profile=gpu", "--result={out}/sweep-gpu.json"),
        SERVER,
        limit_s=3600,
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row. state: passed, failed, out of time, or what it needs."""

    check: str
    state: str
    seconds: float
    command: str
    tail: str


def needs(row: Row, gpu: bool, has: Callable[[str], bool]) -> str | None:
    """Return what a row cannot run without, `needs ...`; None where all of it is here."""
    if not gpu:
        return "needs a GPU"
    missing = [module for module in row.modules if not any(map(has, module.split("|")))]
    if row.tool and not shutil.which(row.tool):
        missing.append(row.tool)
    return f"needs {', '.join(missing).replace('|', ' or ')}" if missing else None


def installed(module: str) -> bool:
    """Return whether a module can be found, without importing more than the packages that hold it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def run(row: Row, out: Path) -> Outcome:
    """Run one row to its end or its limit."""
    command = [part.format(python=sys.executable, out=out) for part in row.command]
    shown = subprocess.list2cmdline(["python" if part == sys.executable else part for part in command])
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        # A group of its own, so that what the row started ends with it.
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)
        try:
            state = "failed" if process.wait(row.limit_s) else "passed"
        except subprocess.TimeoutExpired:
            state = f"out of time ({row.limit_s:g} s)"
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said.seek(0)
        text = said.read()
    if state == "passed" and re.search(r"\d+ skipped", text):
        state = "failed: tests were skipped, which checks nothing"
    return Outcome(row.name, state, round(time.monotonic() - start, 1), shown, text[-TAIL:])


def devices() -> list[dict[str, str]]:
    """Return name and driver of each GPU, as nvidia-smi says."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    lines = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()
    return [dict(zip(("name", "driver", "memory"), line.split(", "), strict=True)) for line in lines]


def versions() -> dict[str, str]:
    """Return the versions of what the gpu profile is made of, where it is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """Return one line per row."""
    width = max(len(outcome.check) for outcome in outcomes)
    return "\n".join(
        f"{each.check:{width}}  {each.state}{f' in {each.seconds:g} s' if each.command else ''}" for each in outcomes
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rows, print the table, write the result file; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", help="only these, as `kernels,ensemble`")
    parser.add_argument("--limit", type=float, default=math.inf, help="seconds that no row may exceed")
    parser.add_argument("--out", type=Path, default=ROOT / "perf" / "results", help="where result files go")
    args = parser.parse_args(argv)
    names = [row.name for row in ROWS]
    wanted = args.rows.split(",") if args.rows else names
    if unknown := set(wanted) - set(names):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    gpu = DRIVER.exists()
    outcomes: list[Outcome] = []
    args.out.mkdir(parents=True, exist_ok=True)
    result, target = {}, args.out
    if gpu:
        result = {"provenance": provenance(), "devices": devices(), "packages": versions()}
        name = re.sub(r"[^a-z0-9]+", "-", result["devices"][0]["name"].lower()).strip("-")
        target = args.out / f"gpu-check-{name}.json"
    for row in (replace(row, limit_s=min(row.limit_s, args.limit)) for row in ROWS if row.name in wanted):
        if missing := needs(row, gpu, installed):
            outcomes.append(Outcome(row.name, missing, 0, "", ""))
        else:
            print(f"{row.name}: at most {row.limit_s:g} s", file=sys.stderr, flush=True)
            outcomes.append(run(row, args.out.resolve()))
            print(f"{row.name}: {outcomes[-1].state}\n{outcomes[-1].tail}", file=sys.stderr, flush=True)
        if gpu:  # after every row: who lent the machine may end this before the last one
            target.write_text(json.dumps(result | {"rows": [asdict(each) for each in outcomes]}, indent=1) + "\n")
            print(f"wrote {target}", flush=True)
    print(table(outcomes))
    return int(any(outcome.state.startswith(("failed", "out of time")) for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
