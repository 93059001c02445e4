"""Time the kernels on a GPU beside their floor: `python -m perf.cases` (needs CuPy and an NVIDIA GPU).

Each row is one launcher on a batch of photos; `bytes_moved` is what it has to move at least (each input read once,
each output written once), so that `floor_us` is that over the card's own measured copy bandwidth and `hbm_fraction`
the share of it that was reached. The L2 is flushed before every sample. Without a GPU: `--floors` prints the bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kernels import backdrop, composite, filament, foreground, guided, launch, openings, specks
from kernels.launch import Array, Extents
from kernels.reference.backdrop import CELL
from kernels.reference.composite import Frame
from kernels.reference.srgb import F32, Plane
from kernels.reference.window import Window
from perf.drawn import degraded, draw
from perf.provenance import ROOT, provenance

SIDES = (1024, 2048, 4096)
BATCHES = (1, 16)
NETWORK = 1152
WARM_UPS, RUNS = 20, 50
ROWS = ("specks", "guided", "backdrop", "filament", "openings", "foreground", "composite", "composite with shadow")
PYRAMID = 4 / 3
"""All levels of a pyramid that halves both sides, over its finest."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds per call over `runs` calls, and the bytes that one call has to move."""

    median_us: float
    p10_us: float
    p90_us: float
    runs: int
    bytes_moved: int

    def hbm_fraction(self, copy_bytes_per_s: float) -> float:
        """Share of the copy bandwidth reached: the ceiling of a memory-bound kernel is 1."""
        return self.bytes_moved / (self.median_us * 1e-6) / copy_bytes_per_s


@dataclass(frozen=True, slots=True)
class Shares:
    """Of an alpha's pixels, which some kernels look at closer: near mixed alpha (the 3x3 around), less than a half."""

    mixed: float
    nothing: float


def shares(alpha: F32) -> Shares:
    """Return the shares of an alpha [H, W]."""
    mixed = cv2.dilate(((alpha > 0) & (alpha < 1)).astype(np.uint8), np.ones((3, 3), np.uint8))
    return Shares(float(mixed.mean()), float((alpha < 0.5).mean()))


def labelled(share: float) -> float:
    """Return what `kernels.label` moves a pixel, of which a share is labelled.

    start 5; join the mask 1, where it is set the label there and back 8; flatten 4, where it is set 4 more.
    """
    return 10 + 12 * share


def pull_pushed(channels: int) -> float:
    """Return what `backdrop.pull_push` moves a cell of the finest level.

    pull: values and weight 4 (c + 1), a quarter of it out; push: the coarser 4 c / 4, the weight 4, values in and out.
    """
    return PYRAMID * (5 * (channels + 1) + channels + 4 + 8 * channels)


def bytes_moved(name: str, side: int, batch: int, found: Shares) -> int:
    """Return what a row has to move at least, of an alpha of these shares.

    A launcher is several kernels: what one leaves for the next is written and read, as if no cache held it. Where all
    of a batch's planes fit the L2 (one photo of 1024 px on an H100) a row may do with less, and its share exceed 1.
    """
    pixels = side * side
    network = min(side, NETWORK) ** 2
    cells = (side / CELL) ** 2
    rows = {
        # seek 5, flags 1, mark 4, clear 12; where something is seen, 5 more
        "specks": (22 + 5 * (1 - found.nothing) + labelled(1 - found.nothing)) * network,
        # the photo shrunk and applied 6, alpha out 4; a network pixel: small out and in 6, coarse 4, lines out and in,
        # smoothed out and in 4 x 16
        "guided": 10 * pixels + 74 * network,
        # colour and certainty 4, colour again 3, two planes out 2, one of them for the noise 1; a cell: colour and
        # known out 16, noise out 4, colour in 12
        "backdrop": 10 * pixels + (32 + pull_pushed(3) + pull_pushed(1)) * cells,
        # ridges 2, usual 1, seek 7, grow 2, clear 4, measure 4, keep 2, restore 9: candidates are next to nothing; a
        # cell: the highest out 4, what is usual in 4
        "filament": (31 + labelled(0)) * pixels + (8 + pull_pushed(1)) * cells,
        # seek 5, clear 4, measure 4, total 4
        "openings": (17 + labelled(found.nothing)) * pixels,
        # halve 7 + 7 / 4, begin 7 + 2 + 8; four sweeps read alpha 4, two of each colour the image 3, the neighbours'
        # layers 8 and write 8 where it is mixed; finish 15 + 3
        "foreground": (PYRAMID * (8.75 + 17 + 16 + 38 * found.mixed) + 18) * pixels,
        # alpha and foreground of the window (7), the canvas (3), both of the photo's size
        "composite": 10 * pixels,
        # the same, alpha once more for the shadow's cells (4); each cell written, softened, read
        "composite with shadow": 14 * pixels + 16 * cells,
    }
    return round(rows[name] * batch)


class Batch:
    """Photos of a drawn piece on the device, and one call per row."""

    def __init__(self, side: int, count: int) -> None:
        made = draw(1, side)
        coarse = degraded(made.alpha, 1, min(side, NETWORK))[0]
        extents = Extents(((side, side),) * count)
        networks = Extents((coarse.shape,) * count)
        self.shares = shares(made.alpha)

        def brought(picture: Plane) -> Array:
            """Return the picture `count` times in device memory, [pixels, ...]."""
            return launch.device.upload(np.concatenate([picture.reshape(-1, *picture.shape[2:])] * count))

        pixels, alpha, network = brought(made.pixels), brought(made.alpha), brought(coarse)
        hint = brought((made.alpha * 255).astype(np.uint8))
        background = brought(np.where(made.alpha > 0, 0, 255).astype(np.uint8))
        behind = backdrop.backdrop(pixels, background, extents)
        light = brought(np.eye(3, 4, dtype=np.float32).reshape(1, 1, 12))
        places = [Window(0, 0, side, side)] * count
        views = [Frame(0, 0, side, side, (side, side))] * count
        scene = composite.Scene(alpha, pixels, extents, light, Extents(((1, 1),) * count), places, views)
        white, grounds = brought(np.full((1, 1, 3), 255, np.uint8)), Extents(((1, 1),) * count)
        self.calls: dict[str, Callable[[], Any]] = {
            "specks": lambda: specks.without_specks(network, networks),
            "guided": lambda: guided.guided(pixels, extents, network, networks, 1, 1e-5),
            "backdrop": lambda: backdrop.backdrop(pixels, background, extents),
            "filament": lambda: filament.filament(alpha, behind, hint, hint),
            "openings": lambda: openings.openings(alpha, extents),
            "foreground": lambda: foreground.foreground(pixels, alpha, extents),
            "composite": lambda: composite.composite(scene, white, grounds),
            "composite with shadow": lambda: composite.composite(scene, white, grounds, [0.5] * count),
        }


def time_gpu(call: Callable[[], Any], moved: int) -> Timing:
    """Time a call by CUDA events: warm-ups, the L2 flushed by a buffer of twice its size, percentiles.

    The buffer is read, for what is written lies in the L2 until the call has to write it back.
    """
    import cupy as cp  # pyright: ignore[reportMissingImports]

    flush = cp.zeros(2 * cp.cuda.Device().attributes["L2CacheSize"], cp.uint8)
    for _ in range(WARM_UPS):
        call()
    samples = []
    for _ in range(RUNS):
        flush.max()
        begin, end = cp.cuda.Event(), cp.cuda.Event()
        begin.record()
        call()
        end.record()
        end.synchronize()
        samples.append(cp.cuda.get_elapsed_time(begin, end) * 1000)
    low, median, high = np.percentile(samples, [10, 50, 90])
    return Timing(round(median, 2), round(low, 2), round(high, 2), RUNS, moved)


def copy_bandwidth() -> float:
    """Return the card's own bytes per second, read and written, of a copy of 1 GiB."""
    import cupy as cp  # pyright: ignore[reportMissingImports]

    source = cp.zeros(2**30, cp.uint8)
    target = cp.empty_like(source)
    timing = time_gpu(lambda: cp.copyto(target, source), 2 * source.nbytes)
    return timing.bytes_moved / (timing.median_us * 1e-6)


def cvcuda_peers(side: int, count: int) -> dict[str, Timing]:
    """Time what CV-CUDA has of ours: over (of encoded values, no relight), a resize by area to the network's size."""
    import cupy as cp  # pyright: ignore[reportMissingImports]
    import cvcuda  # pyright: ignore[reportMissingImports]

    shape = (count, side, side)
    front, behind = (
        cvcuda.as_tensor(cp.full((*shape, 3), value, cp.uint8), cvcuda.TensorLayout.NHWC) for value in (90, 255)
    )
    mask = cvcuda.as_tensor(cp.full((*shape, 1), 128, cp.uint8), cvcuda.TensorLayout.NHWC)
    small = (count, NETWORK, NETWORK, 3)
    stream = cvcuda.as_stream(cp.cuda.get_current_stream())
    calls = {
        # foreground 3, background 3, mask 1, out 3
        "cvcuda composite": (lambda: cvcuda.composite(front, behind, mask, 3, stream=stream), 10 * side**2 * count),
        "cvcuda resize": (
            lambda: cvcuda.resize(front, small, cvcuda.Interp.AREA, stream=stream),
            3 * (side**2 + NETWORK**2) * count,
        ),
    }
    return {name: time_gpu(call, moved) for name, (call, moved) in calls.items()}


def peer(side: int) -> Timing:
    """Time pymatting's own CuPy estimator on one photo, from device memory to device memory: the speed to beat."""
    import cupy as cp  # pyright: ignore[reportMissingImports]
    from pymatting.foreground.estimate_foreground_ml_cupy import estimate_foreground_ml_cupy

    made = draw(1, side)
    image, alpha = cp.asarray(made.pixels / np.float32(255)), cp.asarray(made.alpha)
    return time_gpu(lambda: estimate_foreground_ml_cupy(image, alpha, to_numpy=False), 0)


def main() -> None:
    """Time every row, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--floors", action="store_true", help="print what each row has to move, time nothing")
    parser.add_argument(
        "--peer", action="store_true", help="time pymatting's CuPy foreground estimator and CV-CUDA, too"
    )
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "cases-gpu.json")
    args = parser.parse_args()
    if args.floors:
        for side in SIDES:
            for name in ROWS:
                print(f"{name} {side}: {bytes_moved(name, side, 1, Shares(0.05, 0.8)) / 2**20:.1f} MiB a photo")
        return
    import cupy as cp  # pyright: ignore[reportMissingImports]

    origin, bandwidth = provenance(), copy_bandwidth()
    found = []
    for side in SIDES:
        for count in BATCHES:
            batch = Batch(side, count)
            for name, call in batch.calls.items():
                timing = time_gpu(call, bytes_moved(name, side, count, batch.shares))
                floor = timing.bytes_moved / bandwidth * 1e6
                share = round(timing.hbm_fraction(bandwidth), 3)
                row = {"case": name, "side": side, "batch": count, "floor_us": round(floor, 2), "hbm_fraction": share}
                found.append(row | asdict(timing))
                print(found[-1], flush=True)
        if args.peer:
            found.append({"case": "pymatting foreground", "side": side, "batch": 1} | asdict(peer(side)))
            for count in BATCHES:
                rows = cvcuda_peers(side, count).items()
                found += [{"case": name, "side": side, "batch": count} | asdict(timing) for name, timing in rows]
    device = cp.cuda.runtime.getDeviceProperties(0)["name"].decode()
    result = {"provenance": origin, "device": device, "copy_bytes_per_s": round(bandwidth), "rows": found}
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {args.result}")


if __name__ == "__main__":
    main()
