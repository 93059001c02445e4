"""What the refine stage is worth on drawn pieces, and what it costs: `python -m perf.edges`.

Pieces drawn at 2000 px (`perf/drawn.py`) whose exact alpha was degraded to what a good network gives; no network is
involved. One operation more a row. Time and memory of the whole inner stage are those of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from kernels.reference.letterbox import unletterbox
from kernels.reference.refine import refined, upsample
from kernels.reference.srgb import F32, U8, Plane, linear_to_srgb, srgb_to_linear
from perf.drawn import degraded, draw
from perf.provenance import ROOT, provenance

SEEDS = range(101, 113)
"""Thresholds were chosen on seeds 1 to 8."""
BEHIND = np.array([(255, 255, 255), (0, 0, 0), (77, 153, 89)], np.uint8)
LEAST = 50
"""Pixels of thin parts below which a photo says nothing of them."""


def cutouts(pixels: U8, coarse: F32) -> Iterator[tuple[str, Plane, U8]]:
    """Yield name, alpha and colour of each row; coarse [3, h, w] is the photo's part of the network's maps."""
    height, width = pixels.shape[:2]
    yield "bilinear", cv2.resize(np.ascontiguousarray(coarse[0]), (width, height)), pixels
    alpha = upsample(pixels, coarse[0])
    yield "guided", alpha, pixels
    alpha, colour, _ = refined(pixels, coarse)
    yield "specks, guided, filament", alpha, pixels
    yield "specks, guided, filament, foreground", alpha, colour


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a photo, at its own size: alpha [H, W], foreground [H, W, 3] and the wires, bool [H, W]."""

    alpha: F32
    foreground: U8
    thin: np.ndarray


def thin(solid: np.ndarray, width: int = 6) -> np.ndarray:
    """Return what of a silhouette, bool [H, W], is at most `width` px wide: what no disc of one more fits into."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width + 1, width + 1))
    plane = solid.astype(np.uint8)
    return solid & (cv2.dilate(cv2.erode(plane, disc), disc) == 0)


def scored(made: Truth, alpha: F32, colour: U8) -> dict[str, float]:
    """Score one cutout at the photo's own size; a figure that is not defined is left out."""
    cut, solid = alpha > 0.5, made.alpha > 0.5
    _, labels, stats, _ = cv2.connectedComponentsWithStats((made.alpha < 0.1).astype(np.uint8), connectivity=4)
    rim = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]}
    inner = [k for k in range(1, len(stats)) if k not in rim and stats[k, cv2.CC_STAT_AREA] >= 12]
    core = cv2.distanceTransform((made.alpha > 0.95).astype(np.uint8), cv2.DIST_L2, 5) > 2
    _, _, holes, _ = cv2.connectedComponentsWithStats((core & ~cut).astype(np.uint8))
    near, far = (cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5) <= 3 for side in (solid, ~solid))
    band = near & far
    ours, true = (
        (a[band][:, None], srgb_to_linear(front[band])) for a, front in ((alpha, colour), (made.alpha, made.foreground))
    )
    fringe = [deltaE_ciede2000(_seen(*ours, behind), _seen(*true, behind)).mean() for behind in srgb_to_linear(BEHIND)]
    out = {}
    if made.thin.sum() >= LEAST:
        out["thin_recall"] = float(cut[made.thin].mean())
    fine = thin(cut)
    if fine.sum() >= LEAST:
        off = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5)
        out["thin_precision"] = float((off[fine] <= 2).mean())
    if inner:
        out["openings_kept"] = float(np.mean([np.median(alpha[labels == k]) < 0.25 for k in inner]))
    return out | {
        "sad": float(np.abs(alpha - made.alpha).sum() / 1000),
        "false_holes": float((holes[1:, cv2.CC_STAT_AREA] >= 12).sum()),
        "spill": float(cut[made.alpha < 0.02].mean()),
        "fringe": float(np.mean(fringe)),
    }


def _seen(alpha: F32, front: F32, behind: F32) -> Plane:
    """Return CIE Lab of linear light over one colour, as the composite stage lays it."""
    return rgb2lab(linear_to_srgb(alpha * front + (1 - alpha) * behind))


def drawn() -> dict[str, list[dict[str, float]]]:
    """Score every row on the drawn set; the plain cutout keeps the photo's own colours."""
    found: dict[str, list[dict[str, float]]] = {}
    for seed in SEEDS:
        made = draw(seed)
        coarse = unletterbox(degraded(made.alpha, seed), *made.alpha.shape)
        truth = Truth(made.alpha, made.foreground, made.thin)
        for name, alpha, colour in cutouts(made.pixels, coarse):
            found.setdefault(name, []).append(scored(truth, alpha, colour))
        print(f"drawn {seed}", flush=True)
    return found


def memory(which: str) -> int:
    """Return bytes that this process holds (VmRSS), or held at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def stage(runs: int = 15) -> dict[str, float]:
    """Time the whole inner stage on a drawn piece at 2000x2000, in a process of its own, and measure its memory."""
    made = draw(SEEDS[0])
    coarse = unletterbox(degraded(made.alpha, SEEDS[0]), *made.alpha.shape)
    Path("/proc/self/clear_refs").write_text("5")  # the highest use so far is forgotten
    before = memory("VmRSS")
    refined(made.pixels, coarse)
    grown = memory("VmHWM") - before
    wall, cpu = [], []
    for _ in range(runs):
        start, worked = time.perf_counter(), time.process_time()
        refined(made.pixels, coarse)
        wall.append((time.perf_counter() - start) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
    low, median, high = np.percentile(wall, [10, 50, 90])
    return {
        "side": made.alpha.shape[0],
        "median_ms": round(median, 1),
        "p10_ms": round(low, 1),
        "p90_ms": round(high, 1),
        "cpu_median_ms": round(float(np.median(cpu)), 1),
        "load_1min": round(os.getloadavg()[0], 2),
        "memory_over_rgb": round(grown / made.pixels.nbytes, 2),
    }


def mean(cases: list[dict[str, float]]) -> dict[str, float]:
    """Return each figure's mean over the cases that define it."""
    keys = dict.fromkeys(key for case in cases for key in case)
    return {key: round(float(np.mean([case[key] for case in cases if key in case])), 5) for key in keys}


def main() -> None:
    """Score and time, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "edges-cpu.json")
    args = parser.parse_args()
    begun = provenance()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        measured = alone.submit(stage).result()
    rows = {name: mean(cases) for name, cases in drawn().items()}
    result = {"provenance": begun, "stage": measured, "pieces": len(SEEDS), "rows": rows}
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {args.result}")


if __name__ == "__main__":
    main()
