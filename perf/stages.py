"""Time every stage on a photo of 1600x1600, and the ensemble against its slowest stage: `python -m perf.stages`.

Of the cpu profile. Stage times come from the reports of photos sent one after the other. The ensemble's images per
second come from a full window, its filling and draining left out; the slowest stage's own come from as many processes
as it has instances, each in a loop of nothing else.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clients.client import Client
from perf.load import closed
from perf.provenance import ROOT, provenance
from perf.running import running
from server.admission import Admission
from server.card import RelightCard, read_card
from server.contract import STAGES, Look
from server.engines import on_cpu
from server.networks import RelightNetwork, SegmentNetwork
from server.repository import config_path, default_repository, read_config
from server.settings import Settings
from server.stages.composite import composite
from server.stages.crop import Cropper
from server.stages.decode import Decoder
from server.stages.encode import encode
from server.stages.locate import Locator
from server.stages.refine import refine
from server.stages.relight import Relighter
from server.stages.segment import Segmenter

SIDE = 1600
LOOK = Look()
SEGMENT = default_repository() / "segment" / "1"
RELIGHT = default_repository() / "relight" / "1"


def sample(path: Path) -> bytes:
    """Return the photo as a JPEG of 1600x1600."""
    out = io.BytesIO()
    Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "JPEG", quality=92)
    return out.getvalue()


def unbatched(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the tensors of a batch of one photo without the batch axis."""
    return {name: array[0] for name, array in found.items()}


def stage_calls(photo: bytes, only: str | None = None) -> dict[str, Callable[[], Any]]:
    """Return one call per stage, each on what the stages before it made of `photo`; only `only`'s where it is given."""
    card = read_card(SEGMENT / "model.json")
    start = on_cpu(Settings().threads)
    locator = Locator(SegmentNetwork(card, SEGMENT, card.input.overview, start, card.overview))
    segmenter = Segmenter.of(card, SEGMENT, start)
    functions: dict[str, Callable[..., dict[str, Any]]] = {
        "decode": Decoder(card, Settings(), Admission(0, "")),
        "locate": lambda overview: unbatched(locator(overview[None])),
        "crop": Cropper(card),
        "segment": lambda net_input: unbatched(segmenter(net_input[None])),
        "refine": refine,
        "relight": Relighter(RelightNetwork(read_card(RELIGHT / "model.json", RelightCard), RELIGHT, start)),
        "composite": composite,
        "encode": encode,
    }
    tensors = {"photo": np.frombuffer(photo, np.uint8), "look": np.frombuffer(LOOK.to_bytes(), np.uint8)}
    calls = {}
    for name, stage in STAGES.items():
        inputs = {tensor.name: tensors[tensor.name] for tensor in stage.inputs}
        calls[name] = lambda function=functions[name], inputs=inputs: function(**inputs)
        if name == only:
            break
        tensors |= calls[name]()
    return calls


def alone(name: str, photo: bytes, seconds: float, begin: Any) -> float:
    """Return how often per second this process alone runs one stage."""
    call = stage_calls(photo, only=name)[name]
    call()
    begin.wait()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        call()
        count += 1
    return count / (time.perf_counter() - start)


def instances(name: str) -> int:
    """Return the number of instances that the cpu profile gives a stage."""
    config = read_config(config_path(default_repository(), name, "cpu"))
    return sum(group.count for group in config.instance_group)


def alone_rate(name: str, photo: bytes, seconds: float) -> float:
    """Return the calls per second of one stage alone on the machine, in as many processes as it has instances."""
    workers = instances(name)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(workers, mp_context=context) as pool:
        begin = manager.Barrier(workers)
        runs = [pool.submit(alone, name, photo, seconds, begin) for _ in range(workers)]
        return sum(run.result() for run in runs)


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=ROOT / "docs" / "photos" / "solitaire-on-marble.jpg")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "stages-cpu.json")
    args = parser.parse_args()
    origin, photo = provenance(), sample(args.photo)

    with running("--profile=cpu") as server, Client(server.grpc) as client:
        for _ in range(3):
            client.cut(photo, LOOK)
        reports = [client.cut(photo, LOOK).report for _ in range(args.runs)]
        times = {name: [report["timings_ms"][name] for report in reports] for name in (*STAGES, "waiting", "total")}
        load = {"concurrency": args.in_flight, "warm_up": args.seconds / 2, "seconds": args.seconds}
        full = closed(server.grpc, [photo], LOOK, **load)
        if full.errors():
            raise RuntimeError(f"the full window's photos failed: {full.errors()}")
        ensemble = full.per_second()

    median = {name: statistics.median(values) for name, values in times.items()}
    slowest = max(STAGES, key=lambda name: median[name] / instances(name))
    own = alone_rate(slowest, photo, args.seconds)

    result = {
        "provenance": origin,
        "engines": reports[-1]["engines"],
        "photo": {"width": SIDE, "height": SIDE, "bytes": len(photo), "from": args.photo.name},
        "stages_ms": {
            name: {
                "median": round(median[name], 1),
                "p90": round(statistics.quantiles(values, n=10)[-1], 1),
                "instances": instances(name) if name in STAGES else None,
            }
            for name, values in times.items()
        },
        "throughput": {
            "in_flight": args.in_flight,
            "ensemble_images_per_s": round(ensemble, 3),
            "slowest_stage": slowest,
            "slowest_stage_alone_images_per_s": round(own, 3),
            "ratio": round(ensemble / own, 3),
        },
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: result[key] for key in ("stages_ms", "throughput")}, indent=1))


if __name__ == "__main__":
    main()
