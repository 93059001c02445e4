"""What the refine stage is worth at full resolution: `python -m perf.large`.

Needs the high-resolution set of `python -m training.large`: pieces of 2048x2048 with wires of 2 to 6 px, true alpha and
true foreground. The shipped network looks at each as the server does; then one operation more a row.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from kernels.reference.srgb import U8
from perf.edges import Truth, cutouts, mean, scored, thin
from perf.provenance import ROOT, provenance
from perf.refine import Looked, Network

LIMIT = 6
"""Pixels of width up to which a part is a wire."""


def truth(photo: Path) -> Truth:
    """Read the answers beside a photo."""
    name = str(photo).removesuffix(".photo.jpg")
    alpha = np.asarray(Image.open(f"{name}.alpha.png").convert("L")) / np.float32(255)
    return Truth(alpha, np.asarray(Image.open(f"{name}.foreground.png").convert("RGB")), thin(alpha > 0.5, LIMIT))


def scores(looked: Looked, true: Truth) -> dict[str, dict[str, float]]:
    """Score every row on one photo; outside the window there is no alpha."""
    found = {}
    for row, alpha, colour in cutouts(looked.seen, looked.coarse):
        whole: U8 = looked.pixels.copy()
        whole[looked.view.inside] = colour
        found[row] = scored(true, looked.pasted(alpha), whole)
    return found


def main() -> None:
    """Score every photo of the set and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, default=ROOT / "training" / ".data" / "large")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "large-cpu.json")
    args = parser.parse_args()
    photos = sorted(args.cases.glob("*.photo.jpg"))
    if not photos:
        raise SystemExit(f"{args.cases}: no photos; make them with `python -m training.large`")
    begun, network = provenance(), Network(args.threads)
    pieces = {}
    for photo in photos:
        pixels = np.asarray(Image.open(photo).convert("RGB"))
        pieces[photo.name.removesuffix(".photo.jpg")] = found = scores(network.look(pixels), truth(photo))
        print(photo.name, json.dumps({row: figures.get("thin_recall") for row, figures in found.items()}), flush=True)
    names = dict.fromkeys(row for found in pieces.values() for row in found)
    rows = {row: mean([found[row] for found in pieces.values()]) for row in names}
    result = {"provenance": begun, "network": network.card.identity(), "rows": rows, "pieces": pieces}
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
