"""Show what each step from network to alpha is worth: `python -m perf.refine`.

One network, one step more a row; every row is scored by the evaluation set's own scorer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
from PIL import Image

from kernels.reference.filament import filament
from kernels.reference.letterbox import letterbox, unletterbox
from kernels.reference.refine import evidence, upsample
from kernels.reference.specks import without_specks
from kernels.reference.srgb import F32, U8, Plane
from kernels.reference.window import Window, choose
from perf.provenance import ROOT, provenance
from server.card import read_card
from server.engines import on_cpu
from server.networks import SegmentNetwork
from server.repository import default_repository
from server.stages.segment import Segmenter

SETS = (
    f"seen={ROOT / 'training' / '.data' / 'seen'}",
    f"unseen={ROOT / 'training' / '.data' / 'unseen'}",
    f"quality={ROOT.parent / 'shared' / 'quality' / 'cases'}",
)
"""Held-out renders that steps are chosen on, and the evaluation set, which is only measured."""
FOLDER = default_repository() / "segment" / "1"
How = Literal["whole photo", "window", "one scale"]


@dataclass(frozen=True, slots=True)
class Looked:
    """A photo's window and the network's maps of it [3, h, w]."""

    pixels: U8
    view: Window
    coarse: F32

    def pasted(self, alpha: F32) -> F32:
        """Return the whole photo's alpha of the window's."""
        whole = np.zeros(self.pixels.shape[:2], np.float32)
        whole[self.view.inside] = alpha
        return whole

    @property
    def seen(self) -> U8:
        """The window's pixels."""
        return np.ascontiguousarray(self.pixels[self.view.inside])


class Network:
    """The shipped network and what the stages around it do, from locate to segment."""

    def __init__(self, threads: int) -> None:
        self.card = read_card(FOLDER / "model.json")
        start = on_cpu(threads)
        self.overview = SegmentNetwork(self.card, FOLDER, self.card.input.overview, start, self.card.overview)
        self.segment = Segmenter.of(self.card, FOLDER, start)
        self.single = SegmentNetwork(self.card, FOLDER, self.card.input.size, start, self.card.overview)

    def look(self, pixels: U8, how: How = "window") -> Looked:
        """Find the window, or take the whole photo [H, W, 3] uint8 sRGB; segment it, or do so at one scale only."""
        net = self.card.input
        height, width = pixels.shape[:2]
        view = Window(0, 0, width, height)
        if how != "whole photo":
            found = self.overview(letterbox(pixels, net.overview, net.mean, net.scale)[None])[0]
            view = choose(unletterbox(found, height, width)[0], height, width, net.size)
        seen = np.ascontiguousarray(pixels[view.inside])
        if how == "one scale":
            coarse = self.single(letterbox(seen, net.size, net.mean, net.scale)[None])[0]
        else:
            coarse = self.segment(letterbox(seen, net.side(view), net.mean, net.scale)[None])["coarse"][0]
        return Looked(pixels, view, unletterbox(coarse, view.height, view.width))


def bilinear(looked: Looked) -> F32:
    """Return the network's alpha, plainly enlarged."""
    plane = np.ascontiguousarray(looked.coarse[0])
    alpha: Plane = cv2.resize(plane, (looked.view.width, looked.view.height), interpolation=cv2.INTER_LINEAR)
    return alpha


def guided(looked: Looked) -> F32:
    """Return the alpha enlarged along the photo's edges."""
    return upsample(looked.seen, looked.coarse[0])


def cleared(looked: Looked) -> F32:
    """Return `guided` of what is left without specks."""
    return upsample(looked.seen, without_specks(looked.coarse[0]))


def restored(looked: Looked) -> F32:
    """Return `cleared` after filament."""
    behind, hint, line = evidence(looked.seen, looked.coarse, np.s_[:, :])
    return filament(cleared(looked), behind, hint, line)[0]


ROWS: dict[str, tuple[How, Callable[[Looked], F32]]] = {
    "whole photo, bilinear": ("whole photo", bilinear),
    "whole photo, guided": ("whole photo", guided),
    "window, bilinear": ("window", bilinear),
    "window, guided": ("window", guided),
    "window, specks, guided": ("window", cleared),
    "window, specks, guided, filament": ("window", restored),
    "the same, at one scale only": ("one scale", restored),
}


def main() -> None:
    """Score every row on every set and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", action="append", metavar="NAME=DIR", help="default: seen, unseen, quality")
    parser.add_argument("--score", type=Path, default=ROOT.parent / "shared" / "quality" / "score.py")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "refine-cpu.json")
    args = parser.parse_args()
    network = Network(args.threads)
    result: dict[str, Any] = {"provenance": provenance(), "network": network.card.identity(), "sets": {}}
    for name, _, folder in (given.partition("=") for given in args.cases or SETS):
        photos = sorted(Path(folder).glob("*.photo.jpg"))
        rows = result["sets"][name] = {"photos": len(photos), "rows": {}}
        looks = [
            {how: network.look(pixels, how) for how in get_args(How)}
            for pixels in (np.asarray(Image.open(photo).convert("RGB")) for photo in photos)
        ]
        for row, (how, step) in ROWS.items():
            with tempfile.TemporaryDirectory() as out:
                for photo, looked in zip(photos, looks, strict=True):
                    alpha = looked[how].pasted(step(looked[how]))
                    cutout = np.dstack([looked[how].pixels, np.rint(alpha * 255).astype(np.uint8)])
                    Image.fromarray(cutout).save(Path(out) / photo.name.replace(".photo.jpg", ".png"), compress_level=1)
                scores = Path(out) / "scores.json"
                command = [sys.executable, str(args.score), folder, out, "--json", str(scores)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                rows["rows"][row] = json.loads(scores.read_text())["mean"]
            print(name, row, json.dumps(rows["rows"][row]), flush=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
