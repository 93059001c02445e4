"""Choose instances and batch sizes by measuring: `python -m perf.sweep --profile cpu`.

Stage by stage, each in the order of the data flow, on a copy of the repository: one server per setting, one closed loop
of load. The best setting of a stage stays while the next one is tried. Nothing is written into the repository: what
the table names goes into the `.pbtxt` files by hand.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from perf.load import closed, histogram, percentiles
from perf.provenance import ROOT, provenance
from perf.running import engines, running
from perf.stages import sample
from server.contract import STAGES, Look
from server.repository import check_repository, config_path, default_repository, read_config

BATCHED = ("locate", "segment")
"""Stages that answer a whole batch by one call; the others take one photo per request."""
NOISE = 0.03
"""A setting that costs more must be faster by this share, or it is not worth its memory."""
DELAY_US = 500
"""How long a batch may wait for its next photo."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How often a stage runs, and how many photos it takes at once."""

    instances: int
    max_batch_size: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One setting of one stage, and what the whole ensemble does with it."""

    stage: str
    setting: Setting
    photos_per_s: float
    p99_ms: float | None
    errors: int
    engines: dict[str, str]


def current(repository: Path, stage: str, profile: str) -> Setting:
    """Return a stage's setting as its configuration has it."""
    config = read_config(config_path(repository, stage, profile))
    return Setting(sum(group.count for group in config.instance_group), config.max_batch_size)


def settings(stage: str, now: Setting, instances: Sequence[int], batches: Sequence[int]) -> list[Setting]:
    """Return what to try for a stage, the cheapest first, what it has now among them."""
    sizes = batches if stage in BATCHED else [now.max_batch_size]
    return sorted(
        {now} | {Setting(count, size) for count in instances for size in sizes},
        key=lambda setting: (setting.instances, setting.max_batch_size),
    )


def write(repository: Path, stage: str, profile: str, setting: Setting) -> None:
    """Put a setting into the configuration of a stage, in a copy of the repository."""
    path = config_path(repository, stage, profile)
    config: Any = read_config(path)
    config.max_batch_size = setting.max_batch_size
    del config.instance_group[1:]
    config.instance_group[0].count = setting.instances
    if setting.max_batch_size > 1 and not config.dynamic_batching.max_queue_delay_microseconds:
        config.dynamic_batching.max_queue_delay_microseconds = DELAY_US
    path.write_text(text_format.MessageToString(config))


def best(tried: Sequence[Measured]) -> Measured:
    """Return the fastest without errors, or an earlier, cheaper one that is as fast within the noise."""
    good = [each for each in tried if not each.errors and each.photos_per_s > 0]
    if not good:
        raise ValueError(f"{tried[0].stage}: no setting answered without errors")
    fastest = max(each.photos_per_s for each in good)
    return next(each for each in good if each.photos_per_s >= fastest * (1 - NOISE))


def measure(
    repository: Path, profile: str, stage: str, setting: Setting, photo: bytes, load: argparse.Namespace
) -> Measured:
    """Start a server on the repository as it stands, and put the load on; one that does not start is an error."""
    try:
        with running(f"--repository={repository}", f"--profile={profile}", "--max-waiting=0") as server:
            ran = engines(server.grpc)
            found = closed(
                server.grpc, [photo], Look(), concurrency=load.in_flight, warm_up=load.warm_up, seconds=load.seconds
            )
    except RuntimeError as failure:  # too many instances for the memory, say
        print(failure, file=sys.stderr, flush=True)
        return Measured(stage, setting, 0.0, None, 1, {})
    late = percentiles(histogram([found])).get("p99")
    p99_ms = float(late["ms"]) if late else None
    return Measured(stage, setting, round(found.per_second(), 3), p99_ms, sum(found.errors().values()), ran)


def row(each: Measured, mark: str = "") -> str:
    """Return one measurement as a line."""
    late = "-" if each.p99_ms is None else f"{each.p99_ms:.0f}"
    count, size = each.setting.instances, each.setting.max_batch_size
    line = f"{each.stage:10s} {count:9d} {size:6d} {each.photos_per_s:9.2f} {late:>8s} {each.errors:7d} {mark}"
    return line.rstrip()


def numbers(text: str) -> list[int]:
    """Parse `1,2,4`."""
    return [int(part) for part in text.split(",")]


def main(argv: Sequence[str] | None = None) -> int:
    """Sweep, print the table, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=("cpu", "gpu", "ngc"), default="cpu")
    parser.add_argument("--stages", default=",".join(STAGES), help="only these, as `segment,refine`")
    parser.add_argument("--instances", type=numbers, default=[1, 2, 4])
    parser.add_argument("--batches", type=numbers, default=[1, 4, 8, 16], help="for locate and segment")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--warm-up", type=float, default=5)
    parser.add_argument("--photo", type=Path, default=ROOT / "docs" / "photos" / "solitaire-on-marble.jpg")
    parser.add_argument("--result", type=Path, help="default: perf/results/sweep-PROFILE.json")
    args = parser.parse_args(argv)
    stages = args.stages.split(",")
    if unknown := set(stages) - set(STAGES):
        parser.error(f"no stage {', '.join(sorted(unknown))}")
    origin, photo = provenance(), sample(args.photo)
    tried: list[Measured] = []
    chosen: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory(prefix="milgrain-sweep-") as folder:
        repository = Path(shutil.copytree(default_repository(), Path(folder) / "model_repository"))
        for stage in stages:
            now = current(repository, stage, args.profile)
            own = []
            for setting in settings(stage, now, args.instances, args.batches):
                write(repository, stage, args.profile, setting)
                check_repository(repository, args.profile)
                own.append(measure(repository, args.profile, stage, setting, photo, args))
                print(row(own[-1]), file=sys.stderr, flush=True)
            chosen[stage] = best(own)
            write(repository, stage, args.profile, chosen[stage].setting)
            tried += own
    print(f"{'stage':10s} instances  batch  photos/s   p99 ms  errors")
    for each in tried:
        print(row(each, "best" if chosen[each.stage] is each else ""))
    result = {
        "provenance": origin,
        "profile": args.profile,
        "in_flight": args.in_flight,
        "seconds": args.seconds,
        "tried": [asdict(each) for each in tried],
        "best": {stage: asdict(each.setting) for stage, each in chosen.items()},
    }
    target = args.result or ROOT / "perf" / "results" / f"sweep-{args.profile}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
