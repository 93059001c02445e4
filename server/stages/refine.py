"""refine: coarse coverage to full-resolution alpha, and the piece's own colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.reference.figures import Figures
from kernels.reference.letterbox import unletterbox
from kernels.reference.srgb import U8
from kernels.reference.window import Window
from server.contract import parse_look
from server.pixels import HOST, Array, Pixels, contiguous
from server.report import Report

UNSURE = 0.02
"""Share of the piece's area that may be neither in nor out before a person is asked."""


def refine(
    pixels: Array, window: NDArray[np.int32], coarse: Array, look: U8, report: U8, on: Pixels = HOST
) -> dict[str, Array | Callable[[], Array]]:
    """Return alpha [H, W] float32, foreground [H, W, 3] uint8, cutout [H, W, 4] uint8 straight RGBA, and the report.

    The cutout is a function that makes it: a catalog picture needs none.
    pixels [H, W, 3] uint8 sRGB; window [4] int32: left, top, width, height of what coarse [3, S, S] float32 in [0, 1]
    shows. Outside the window alpha is 0 and the foreground white.
    """
    found = Report.read(report)
    with found.stage("refine"):
        view = Window(*window.tolist())
        alpha = np.zeros_like(pixels, np.float32, shape=pixels.shape[:2])
        colour = np.full_like(pixels, 255)
        near = unletterbox(coarse, view.height, view.width)
        strength = parse_look(look.tobytes()).decontaminate
        alpha[view.inside], colour[view.inside], facts = on.refined(contiguous(pixels[view.inside]), near, strength)
        reach = 2 * max(1, round(max(view.height, view.width) / 400)) + 1
        found.facts["qa"] = judge(on.figures(alpha, reach), alpha.shape, view, found) | facts

    def cutout() -> Array:
        return np.dstack([colour, np.rint(alpha * 255).astype(np.uint8)])

    return {"alpha": alpha, "foreground": colour, "cutout": cutout, "report": found.write()}


def judge(figures: Figures, shape: tuple[int, ...], view: Window, report: Report) -> dict[str, Any]:
    """Return the QA figures of an alpha of that shape, found in `view` of it, and put every doubt into the report."""
    height, width = shape
    box, covered, unsure = figures.box, figures.coverage, figures.unsure
    if box is None:
        report.doubt("piece: none was found")
        return {"coverage": round(covered, 5), "bounds": None, "unsure": 0.0, "parts": 0, "touches": []}
    left, top, right, bottom = box
    sides = {"left": left == 0, "top": top == 0, "right": right == width, "bottom": bottom == height}
    touches = [side for side, touched in sides.items() if touched]
    if touches:
        report.doubt(f"piece: runs off the photo ({', '.join(touches)})")
    edges = {"left": view.left, "top": view.top, "right": view.left + view.width, "bottom": view.top + view.height}
    ends = dict(zip(edges, box, strict=True))
    if cut := [side for side, edge in edges.items() if ends[side] == edge and not sides[side]]:
        report.doubt(f"piece: runs out of the window that was looked at ({', '.join(cut)})")
    if unsure > UNSURE:
        report.doubt(f"alpha: unsure over {unsure:.0%} of the piece's area")
    return {
        "coverage": round(covered, 5),
        "bounds": box,
        "unsure": round(unsure, 4),
        "parts": figures.parts,
        "touches": touches,
    }
