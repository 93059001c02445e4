"""relight: the change of light between the old surroundings and the new background."""

from __future__ import annotations

import numpy as np

from kernels.reference.srgb import U8
from server.contract import parse_look
from server.report import Report

IDENTITY = np.eye(3, 4, dtype=np.float32).reshape(1, 1, 12)
"""One affine colour transform for the whole picture, that changes nothing."""


def relight(look: U8, report: U8) -> dict[str, np.ndarray]:
    """Return light [h, w, 12], a grid of 3x4 affine transforms in linear light, and the report.

    There is no relight network yet: the light stays as it is, and the report says so to whoever asked for more.
    """
    found = Report.read(report)
    with found.stage("relight"):
        asked = parse_look(look.tobytes()).relight
        found.facts["relight"] = {"asked": asked, "applied": 0.0}
        found.facts["identity_safe"] = True
        if asked > 0:
            found.doubt(f"relight: asked for {asked:g}, this server has no relight network and applied 0")
    return {"light": IDENTITY, "report": found.write()}
