"""composite: the piece on its new background, framed as the look asks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels.reference.composite import Frame, framed
from kernels.reference.scene import covering
from kernels.reference.srgb import U8
from kernels.reference.window import Window
from server.contract import BAD_IMAGE, BAD_LOOK, Look, parse_look
from server.pixels import HOST, Array, Pixels
from server.report import Report
from server.stages.decode import scene

WIDEST = 256_000_000
"""Photo pixels that a canvas may show, empty ones included: four times the largest photo that is let in by default."""


def composite(
    alpha: Array,
    foreground: Array,
    light: Array,
    place: NDArray[np.int32],
    look: U8,
    report: U8,
    on: Pixels = HOST,
) -> dict[str, Array]:
    """Return picture [h, w, 3] uint8 sRGB, [h, w, 4] straight RGBA on a transparent background, and the report.

    alpha [H, W] float32 in [0, 1]; foreground [H, W, 3] uint8 sRGB; light [g, g, 12] spans place [4] int32
    (left, top, width, height in photo pixels).
    """
    found = Report.read(report)
    with found.stage("composite"):
        wanted = parse_look(look.tobytes())
        lit = Window(*place.tolist())
        box = on.bounds(alpha) if wanted.canvas else None
        view = framed(box, alpha.shape, wanted.canvas, wanted.fill, wanted.upscale)
        if view.width * view.height > WIDEST:
            raise ValueError(_too_wide(wanted, view))
        if wanted.background == "transparent":
            picture = on.cutout(alpha, foreground, light, lit, view)
        else:
            behind = scene(wanted)
            background, cost = (wanted.rgb, 0) if behind is None else on.brought(covering(behind, view.canvas))
            found.carried(host_to_device=cost)
            picture = on.composite(alpha, foreground, light, lit, view, background, wanted.shadow)
        if wanted.canvas and wanted.canvas != view.canvas:
            found.doubt(
                f"size: asked for {wanted.canvas[0]}x{wanted.canvas[1]}, the piece has pixels for "
                f"{view.canvas[0]}x{view.canvas[1]} at fill {wanted.fill:g} (upscale is off)"
            )
        found.facts["picture"] = {"width": view.canvas[0], "height": view.canvas[1], "scale": round(view.scale, 4)}
    return {"picture": picture, "report": found.write()}


def _too_wide(look: Look, view: Frame) -> str:
    """Return why a canvas shows too much: the look's fault only where even a piece of one pixel would need as much."""
    least = framed((0, 0, 1, 1), (1, 1), look.canvas, look.fill, look.upscale)
    limit = f"more than {WIDEST / 1e6:g} megapixels"
    if least.width * least.height > WIDEST:
        return f"{BAD_LOOK}fill: at {look.fill:g} the canvas would show {limit} of any photo; ask for a larger fill"
    return (
        f"{BAD_IMAGE}at fill {look.fill:g} the canvas would show {view.width}x{view.height} of the photo's pixels, "
        f"{limit}; ask for a larger fill, for a size of the piece's proportions, or for size null"
    )
