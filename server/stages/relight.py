"""relight: the change of light between the old surroundings and the new background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.reference.change import Change
from kernels.reference.letterbox import unletterbox
from kernels.reference.relight import IDENTITY, square
from kernels.reference.scene import suggested, turned
from kernels.reference.srgb import F32, U8, srgb_to_linear
from kernels.reference.window import Window
from server.contract import Look, parse_look
from server.networks import RelightNetwork
from server.pixels import HOST, Array, Pixels
from server.report import Report
from server.stages.decode import scene

MEAN_LIMIT, DETAIL_LIMIT = 30.0, 0.6
"""Mean CIEDE2000 of the change above, and correlation of fine detail below which a person is asked."""
JUDGED = 256
"""Pixels a side at which the change is measured, whatever the network is shown."""
ROOM_TAKES = 0.3
"""Share of the background's colour that the room around takes on, where it is not white."""


@dataclass(frozen=True, slots=True)
class Relighter:
    """The stage: one network on the square around the piece."""

    network: RelightNetwork
    on: Pixels = HOST

    def __call__(
        self, pixels: Array, alpha: Array, window: NDArray[np.int32], coarse: Array, look: U8, report: U8
    ) -> dict[str, Array]:
        """Return light [g, g, 12], a grid of 3x4 affine transforms in linear light, its place, and the report.

        pixels [H, W, 3] uint8 sRGB; alpha [H, W]; window [4] and coarse [3, S, S] as refine takes them. place [4]
        int32: left, top, width, height in photo pixels of what the grid spans. Strength 0 asks no network.
        """
        found = Report.read(report)
        with found.stage("relight"):
            wanted = parse_look(look.tobytes())
            box = self.on.bounds(alpha)
            view = square(box, alpha.shape)
            light = self.on.table(IDENTITY.reshape(1, 1, 12))
            facts: dict[str, Any] = {"asked": wanted.relight, "applied": 0.0}
            metal, stone = wanted.relight * wanted.relight_metal, wanted.relight * wanted.relight_stone
            if max(metal, stone) > 0 and (box or self.on.any(alpha)):
                card, old = self.network.card, Window(*window.tolist())
                near = unletterbox(coarse, old.height, old.width)
                shown = self.on.seen(pixels, alpha, near, old, view, card.side)
                new = self.on.table(surroundings(wanted, np.array(card.above), np.array(card.below)))
                transforms = self.network(shown, new)
                light = self.on.followed(transforms, shown, metal, stone)
                facts |= {"applied": wanted.relight, "network": card.identity()}
                facts |= doubted(self.on.change(averaged(shown, JUDGED), light), found)
                found.ran("relight", str(self.network.engine.identity))
            found.facts["relight"] = facts
            found.facts["identity_safe"] = facts["applied"] == 0
        corners = np.array([view.left, view.top, view.width, view.height], np.int32)
        return {"light": light, "place": corners, "report": found.write()}


def averaged(planes: Array, side: int) -> Array:
    """Average planes [C, S, S], wherever they lie, by a whole number to `side` pixels or more."""
    step = math.gcd(planes.shape[1], max(1, planes.shape[1] // side))
    return sum(planes[:, i::step, j::step] for i in range(step) for j in range(step)) / step**2


def surroundings(look: Look, above: F32, below: F32) -> F32:
    """Return the spherical harmonics [27] of the new surroundings, coefficient major, RGB minor.

    The studio's light from above, a floor of the background's colour below; the room takes on some of that colour. A
    scene's floor and room are its own, and the lamps stand where it is brighter.
    """
    picture = scene(look)
    if picture is None:
        floor = srgb_to_linear(np.array(look.rgb, np.uint8))
        room = 1 - ROOM_TAKES + ROOM_TAKES * floor
    else:
        found = suggested(picture)
        floor, room = found.ground, 1 - ROOM_TAKES + ROOM_TAKES * found.room
        if found.azimuth is not None:
            above = turned(above, found.azimuth - float(np.arctan2(above[1], above[3])))
    return (np.outer(above, room) + np.outer(below, floor)).astype(np.float32).ravel()


def doubted(found: Change | None, report: Report) -> dict[str, float]:
    """Return what the report says of a change, and doubt what is changed too far."""
    if found is None:
        return {"mean": 0.0, "p95": 0.0, "detail": 1.0}
    if found.mean > MEAN_LIMIT:
        report.doubt(f"relight: the piece's colours change by CIEDE2000 {found.mean:.0f} on average")
    if found.detail < DETAIL_LIMIT:
        report.doubt(f"relight: fine detail agrees with the photo's by {found.detail:.2f} only")
    return {"mean": round(found.mean, 2), "p95": round(found.p95, 2), "detail": round(found.detail, 3)}
