"""Compare two results of perf.bench, level by level, and say whether they differ: `python -m perf.compare A B`."""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from perf.bench import read_result

SAME_MACHINE = ("machine", "cores")


def verdict(before: list[float], after: list[float]) -> str:
    """Return `faster`, `slower` or `same`: rounds that overlap cannot tell two results apart."""
    if min(after) > max(before):
        return "faster"
    return "slower" if max(after) < min(before) else "same"


def compared(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per level that both have: ratio of the medians, the spread of each, the verdict on throughput
    (same load: `closed`) and on the median latency by its interval.
    """
    rows = []
    ours = {level["level"]: level for level in after["levels"]}
    for level in before["levels"]:
        other = ours.get(level["level"])
        if not other:
            continue
        old, new = level["photos_per_s"]["rounds"], other["photos_per_s"]["rounds"]
        row = {
            "level": level["level"],
            "before_per_s": [min(old), max(old)],
            "after_per_s": [min(new), max(new)],
            "ratio": round(statistics.median(new) / statistics.median(old), 3),
            "throughput": verdict(old, new) if level["level"].startswith("closed") else "as asked for",
        }
        if level["latency_ms"] and other["latency_ms"]:
            was, now = level["latency_ms"]["p50"], other["latency_ms"]["p50"]
            # Latency: less is faster.
            said = verdict([-was["high_ms"], -was["low_ms"]], [-now["high_ms"], -now["low_ms"]])
            row |= {"before_p50_ms": was["ms"], "after_p50_ms": now["ms"], "latency": said}
        rows.append(row)
    return rows


def main() -> None:
    """Print the comparison as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    args = parser.parse_args()
    try:
        before, after = read_result(args.before), read_result(args.after)
    except (ValueError, OSError) as wrong:
        parser.error(str(wrong))
    for name in SAME_MACHINE:
        if before["provenance"][name] != after["provenance"][name]:
            print(f"not the same {name}: {before['provenance'][name]} / {after['provenance'][name]}")
    print("| level | photos/s before | after | ratio | throughput | p50 ms before | after | latency |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in compared(before, after):
        was, now = (f"{low:.2f} to {high:.2f}" for low, high in (row["before_per_s"], row["after_per_s"]))
        print(
            f"| {row['level']} | {was} | {now} | {row['ratio']:.2f} | {row['throughput']} | "
            f"{row.get('before_p50_ms', '')} | {row.get('after_p50_ms', '')} | {row.get('latency', '')} |"
        )


if __name__ == "__main__":
    main()
