"""Make the high-resolution set: `python -m training.large`; perf/large.py measures on it.

Pieces of 2048x2048 with everything known: traced pieces (`paths.py`) lit by `shade.lit`, whose sums give the piece's
own light apart from the ground's. It is for measuring: nothing is trained on it.

For each piece: SEED.photo.jpg; SEED.alpha.png; SEED.foreground.png, the piece's colour without its ground;
SEED.background.png, the ground as the photo shows it beside the piece; SEED.stone.png, coverage of stones.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from kernels.reference.srgb import F32, U8, Plane, linear_to_srgb
from training import dataset, pieces, shade

SIDE = 2048
FAMILIES = (
    *("chain", "filigree", "hoops", "pendant", "drops", "wire_wrap", "charms"),
    *("lattice", "mandala", "crochet", "heaped_chain", "threader", "nameplate", "spiral"),
)
"""Families that the network was trained on, one piece of each that it never saw: those of thin parts."""
HELD_OUT = ("tennis", "chandelier", "charm_bracelet")
"""Families that it never saw."""
FIRST = 700_000
"""Seed from which the first that draws a family is taken: which one that is changes as the library grows."""
LENS, GRAIN, QUALITY = 0.6, 1.5, 94
"""Blur in pixels, noise in bytes, of the JPEG."""


@dataclass(frozen=True, slots=True)
class Known:
    """One photo [S, S, 3] uint8 sRGB and its answers; alpha and stone [S, S] float32, the colours as the photo."""

    photo: U8
    alpha: F32
    stone: F32
    foreground: U8
    background: U8


def develop(rng: np.random.Generator, piece: shade.Traced) -> Known:
    """Light a traced piece and take its photo: alpha * foreground + (1 - alpha) * background in linear light.

    White where there is no foreground.
    """
    if "prop" in piece.slots:
        raise ValueError("a prop in front of the ground: its light is not the piece's")
    around = shade.surroundings(rng, piece.lamps)
    ground = (dataset.backdrop(rng, piece.size).astype(np.float32) / 255) ** 2.2
    image, answer = shade.lit(piece, ground, around, piece.materials, rng)
    keep: list[Plane] = [cv2.resize(p, (piece.size, piece.size), interpolation=cv2.INTER_CUBIC) for p in piece.shadow]
    floor = ground * np.tensordot(np.stack(keep).astype(np.float32) / 255, around.share, (0, 0))
    covered = np.rint(answer[..., :1].astype(np.float32) / 255 * 4) / 4  # four samples a pixel
    own = image - floor * (1 - covered)
    image, floor, own, covered, stone = (
        cv2.GaussianBlur(plane, (0, 0), LENS)
        for plane in (image, floor, own, covered, answer[..., 1] / np.float32(255))
    )
    bright = image.mean(-1)
    gain = min(0.35 / float(np.percentile(bright, 60)), 1.4 / float(np.percentile(bright, 97)))
    front = np.where(covered[..., None] > 1e-3, own / np.maximum(covered[..., None], 1e-3), np.inf)
    # Rolled off before they are mixed: a wire brighter than white would have no colour that explains its edge.
    front, floor = _rolled(gain * front), _rolled(gain * floor)
    photo = linear_to_srgb(floor + covered[..., None] * (front - floor)) + rng.normal(0, GRAIN, image.shape)
    taken = np.rint(np.clip(photo, 0, 255)).astype(np.uint8)
    return Known(taken, covered, stone, linear_to_srgb(front), linear_to_srgb(floor))


def _rolled(light: F32) -> F32:
    """Return linear light, at most 1, with the highlights rolled off above 0.8."""
    return np.where(light > 0.8, 0.8 + 0.2 * np.tanh((light - 0.8) / 0.32), light)


def main() -> None:
    """Trace and develop the pieces that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("training/.data/large"))
    options = parser.parse_args()
    from training import paths  # tracing needs Mitsuba, developing does not

    traced = options.out / "paths"
    traced.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES + HELD_OUT:
        held_out = family in HELD_OUT
        seed = next(k for k in count(FIRST) if pieces.draw(np.random.default_rng(k), held_out) == family)
        name = traced / f"{seed:07d}"
        if not name.with_suffix(".json").exists():
            note = paths.trace(seed, SIDE, traced, held_out, cluttered=False)
            print(seed, note["family"], f"{note['seconds']:.0f} s", flush=True)
        if Path(f"{options.out / name.name}.photo.jpg").exists():
            continue
        made = develop(np.random.default_rng(seed), shade.read(name))
        out = options.out / name.name
        planes = {"alpha": made.alpha * 255, "stone": made.stone * 255}
        pictures = {"foreground": made.foreground, "background": made.background}
        for kind, plane in (planes | pictures).items():
            _write(Path(f"{out}.{kind}.png"), np.rint(plane).astype(np.uint8), cv2.IMWRITE_PNG_COMPRESSION, 3)
        _write(Path(f"{out}.photo.jpg"), made.photo, cv2.IMWRITE_JPEG_QUALITY, QUALITY)


def _write(path: Path, picture: U8, setting: int, value: int) -> None:
    if not cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture, [setting, value]):
        raise OSError(f"{path}: cannot be written")


if __name__ == "__main__":
    main()
