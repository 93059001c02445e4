"""refine: coarse coverage to full-resolution alpha, and the piece's own colour."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.reference.backdrop import Backdrop, backdrop
from kernels.reference.composite import bounds
from kernels.reference.filament import filament
from kernels.reference.foreground import foreground
from kernels.reference.guided import guided
from kernels.reference.letterbox import unletterbox
from kernels.reference.openings import openings, ridges
from kernels.reference.srgb import F32, U8, Plane
from kernels.reference.window import Window
from server.contract import parse_look
from server.report import Report

Box = tuple[slice, slice]

RADIUS = 1
EPSILON = 1e-5
"""Guided filter: half window in network pixels, variance of colour below which the photo is flat."""
FLOOR, CEILING = 0.2, 0.8
"""Up-sampling spreads a step over a ramp: alpha below the floor is 0, above the ceiling 1, stretched between."""
NOTHING = 0.05
"""Network alpha at most this, and so two network pixels around: certain background."""
MARGIN = 0.04
"""Share of the photo's longer side that is looked at around what the network found: lost wires reach out."""
UNSURE = 0.02
"""Share of the piece's area that may be neither in nor out before a person is asked."""


def refine(pixels: U8, window: NDArray[np.int32], coarse: F32, look: U8, report: U8) -> dict[str, np.ndarray]:
    """Return alpha [H, W] float32, foreground [H, W, 3] uint8, cutout [H, W, 4] uint8 straight RGBA, and the report.

    pixels [H, W, 3] uint8 sRGB; window [4] int32: left, top, width, height of what coarse [3, S, S] float32 in [0, 1]
    shows. Outside the window alpha is 0 and the foreground white.
    """
    found = Report.read(report)
    with found.stage("refine"):
        view = Window(*window.tolist())
        seen = np.ascontiguousarray(pixels[view.inside])
        alpha, colour = np.zeros(pixels.shape[:2], np.float32), np.full_like(pixels, 255)
        near = unletterbox(coarse, view.height, view.width)
        strength = parse_look(look.tobytes()).decontaminate
        alpha[view.inside], colour[view.inside], facts = refined(seen, near, strength)
        cutout = np.dstack([colour, np.rint(alpha * 255).astype(np.uint8)])
        found.facts["qa"] = judge(alpha, view, found) | facts
    return {"alpha": alpha, "foreground": colour, "cutout": cutout, "report": found.write()}


def refined(pixels: U8, coarse: F32, strength: float = 1.0) -> tuple[F32, U8, dict[str, Any]]:
    """Return alpha [H, W], foreground [H, W, 3] and the facts of it, of a photo and the network's maps of it [3, h, w].

    strength 0 to 1: how much of the old background's colour is taken out.
    Everything happens in the box of what the network found, and a margin; beyond it there is nothing.
    """
    height, width = pixels.shape[:2]
    alpha, colour = np.zeros((height, width), np.float32), np.full_like(pixels, 255)
    box = _box(coarse[0], height, width)
    inside = pixels[box]
    part = upsample(pixels, coarse[0], box)
    behind, hint, metal, line = evidence(pixels, coarse, box)
    part, restored = filament(part, behind, hint, line)
    part, holes = openings(part, behind, hint, metal)
    del behind, hint, metal, line  # a third of the memory that the foreground takes
    alpha[box] = part
    colour[box] = foreground(inside, part, strength)
    return alpha, colour, {"restored": restored, "openings": asdict(holes)}


def upsample(pixels: U8, coarse: F32, box: Box = np.s_[:, :]) -> F32:
    """Bring the network's alpha [h, w] to the photo's size along its edges, exactly 0 and 1 where it is sure."""
    alpha = guided(pixels, np.ascontiguousarray(coarse), RADIUS, EPSILON, box)
    alpha -= FLOOR
    alpha *= 1 / (CEILING - FLOOR)
    return alpha.clip(0, 1, out=alpha)


def evidence(pixels: U8, coarse: F32, box: Box) -> tuple[Backdrop, U8, U8, U8]:
    """Return the backdrop in the box, and the network's alpha, metal and lines of alpha there as bytes."""
    height, width = pixels.shape[:2]
    nothing = 255 * (cv2.dilate(coarse[0], np.ones((5, 5), np.uint8)) <= NOTHING).astype(np.uint8)
    background = cv2.resize(nothing, (width, height), interpolation=cv2.INTER_NEAREST)[box]
    alpha, shiny = (np.rint(plane * 255).astype(np.uint8) for plane in coarse[:2])
    planes: list[Plane] = [cv2.resize(plane, (width, height))[box] for plane in (alpha, shiny, ridges(alpha))]
    hint, metal, line = planes
    return backdrop(pixels[box], background), hint, metal, line


def _box(coarse: F32, height: int, width: int) -> Box:
    """Return rows and columns of the photo where the network found anything, and the margin around them."""
    found = coarse > NOTHING
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    if not rows.size:
        return np.s_[:, :]
    margin = MARGIN * max(height, width)
    down, across = height / coarse.shape[0], width / coarse.shape[1]
    return np.s_[
        max(0, int(rows[0] * down - margin)) : min(height, int((rows[-1] + 1) * down + margin)),
        max(0, int(columns[0] * across - margin)) : min(width, int((columns[-1] + 1) * across + margin)),
    ]


def judge(alpha: F32, view: Window, report: Report) -> dict[str, Any]:
    """Return the QA figures of a photo's alpha [H, W], found in `view` of it, and put every doubt into the report."""
    height, width = alpha.shape
    box = bounds(alpha)
    covered = float(alpha.mean())
    if box is None:
        report.doubt("piece: none was found")
        return {"coverage": round(covered, 5), "bounds": None, "unsure": 0.0, "parts": 0, "touches": []}
    solid = (alpha > 0.5).astype(np.uint8)
    parts, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    # Soft pixels away from every edge: the network could not make up its mind about an area.
    soft = ((alpha > 0.2) & (alpha < 0.8)).astype(np.uint8)
    reach = 2 * max(1, round(max(view.height, view.width) / 400)) + 1
    unsure = float(cv2.erode(soft, np.ones((reach, reach), np.uint8)).sum() / max(1, int(solid.sum())))
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
        "parts": int((areas >= areas.max() * 0.001).sum()) if parts > 1 else 0,
        "touches": touches,
    }
