"""Draw latency over throughput from the committed result of perf.bench: `python -m perf.plot`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

from perf.bench import read_result
from perf.provenance import ROOT

RESULT = ROOT / "perf" / "results" / "bench-cpu.json"
PLOT = ROOT / "docs" / "bench.svg"
COLOURS = {"p50": "#6e8b74", "p90": "#b08d4f", "p99": "#b3452f"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Write an SVG: closed loop as lines, open loop as diamonds, 95 % intervals as bars; repeatable to the byte."""
    mpl.use("svg")
    from matplotlib import pyplot

    with mpl.rc_context(
        {"svg.hashsalt": "milgrain", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure, axes = pyplot.subplots(figsize=(6.4, 3.6))
        for name, colour in COLOURS.items():
            for kind, style in (("closed", "-o"), ("open", "D")):
                found = [
                    (level["photos_per_s"]["median"], level["latency_ms"][name])
                    for level in result["levels"]
                    if level["level"].startswith(kind) and name in level["latency_ms"]
                ]
                speeds, ms = [speed for speed, _ in found], [late["ms"] / 1000 for _, late in found]
                bars = [
                    [(late["ms"] - late["low_ms"]) / 1000 for _, late in found],
                    [(late["high_ms"] - late["ms"]) / 1000 for _, late in found],
                ]
                label = f"{name}, {kind} loop"
                axes.errorbar(speeds, ms, bars, fmt=style, color=colour, markersize=4, capsize=2, label=label, lw=1)
        axes.set(xlabel="photos/s", ylabel="latency, s", xlim=(0, None), ylim=(0, None))
        axes.legend(frameon=False, ncols=3, fontsize=7)
        said = result["provenance"]
        axes.set_title(
            f"{said['commit'][:9]}, {said['cores']} cores, load {said['load_1min']} before the start", fontsize=8
        )
        shown = hashlib.sha256(json.dumps(result["levels"], sort_keys=True).encode()).hexdigest()
        figure.savefig(path, metadata={"Date": None, "Description": f"levels {shown}"}, bbox_inches="tight")
        pyplot.close(figure)


def main() -> None:
    """Draw the committed result into the docs."""
    draw(read_result(RESULT), PLOT)


if __name__ == "__main__":
    main()
