"""Render the sample photos of the demo and the canary: `python -m training.samples`.

Grounds are drawn, not photographed, and light maps are CC0, so that the pictures are ours alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from training import pieces, render, scenes
from training.scenes import Scene


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo: what lies on what, and how much of the frame it fills."""

    name: str
    family: str
    ground: str
    seed: int
    fill: float
    lens: float = 0.0


SAMPLES = (
    Sample("solitaire-on-marble", "solitaire", "marble", 700001, 0.62),
    Sample("pendant-on-planks", "pendant", "planks", 700022, 0.8),
    Sample("beads-on-velvet", "strand", "velvet", 700013, 0.78),
    Sample("filigree-on-weave", "filigree", "weave", 700014, 0.6),
    Sample("hoops-on-paper", "beaded_hoops", "paper", 700005, 0.66, 0.03),
    Sample("signet-on-white", "signet", "white sweep", 700006, 0.5),
    Sample("chain-on-granite", "chain", "granite", 700017, 0.8),
    Sample("drops-on-acrylic", "drops", "black acrylic", 700008, 0.7),
)


def photograph(sample: Sample, width: int, height: int, samples: int) -> np.ndarray:
    """Render one sample: uint8 sRGB [height, width, 3]."""
    rng = np.random.default_rng(sample.seed)
    piece = pieces.family(sample.family)(rng).rested()
    view = scenes.camera(rng, piece, width / height, sample.fill)
    view = replace(view, lens=sample.lens)
    kind, ground = scenes.ground(rng, sample.ground)
    scene = Scene(kind, ground, scenes.lights(rng, view), ())
    return render.photo_picture(render.radiance(piece, scene, view, (width, height), samples, sample.seed), rng)


def main() -> None:
    """Write docs/photos/*.jpg and server/canary.jpg."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names to render, comma separated; canary is one")
    parser.add_argument("--small", action="store_true", help="quick look at a quarter of the size, into /tmp")
    options = parser.parse_args()
    root = Path(__file__).parent.parent
    folder = Path("/tmp/samples") if options.small else root / "docs/photos"
    folder.mkdir(parents=True, exist_ok=True)
    names = set(filter(None, options.only.split(",")))
    for sample in SAMPLES:
        if names and sample.name not in names:
            continue
        width, height, rays = (320, 240, 12) if options.small else (1280, 960, 24)
        picture = Image.fromarray(photograph(sample, width, height, rays))
        target = folder / f"{sample.name}.jpg"
        quality = 92
        picture.save(target, quality=quality)
        while target.stat().st_size > 400_000:
            quality -= 3
            picture.save(target, quality=quality)
        print(target, target.stat().st_size, flush=True)
    if not names or "canary" in names:
        canary = Sample("canary", "solitaire", "white sweep", 700032, 0.6)
        target = (folder if options.small else root / "server") / "canary.jpg"
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(photograph(canary, 384, 384, 24)).save(target, quality=90)
        print(target, target.stat().st_size, flush=True)


if __name__ == "__main__":
    main()
