"""Lay photos out in every look, to judge by eye: `python -m perf.looks PHOTOS -o out/looks --scene oak.jpg`.

One sheet for every six photos: photo, plain white, relit white, relit on each scene. Nothing is measured.
"""

from __future__ import annotations

import argparse
import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from clients.client import Answer, Client
from perf.running import running
from server.contract import Look

SIDE, ROWS = 420, 6


def looks(scenes: list[Path], strengths: list[float]) -> list[Look]:
    """Return the columns' looks."""
    plain = {"size": SIDE, "upscale": True, "format": "png"}
    white = [Look(**plain, relight=strength) for strength in (0, *strengths)]
    styled = (base64.b64encode(scene.read_bytes()) for scene in scenes)
    return white + [Look(**plain, relight=strengths[-1], scene=scene, shadow=0.5) for scene in styled]


def row(client: Client, photo: Path, wanted: list[Look]) -> Image.Image:
    """Return one photo in every look."""
    shown = ImageOps.pad(ImageOps.exif_transpose(Image.open(photo).convert("RGB")), (SIDE, SIDE))
    cells = [shown]
    for answer in (client.cut(photo, look) for look in wanted):
        assert isinstance(answer, Answer)
        cells.append(ImageOps.pad(Image.open(io.BytesIO(answer.image)).convert("RGB"), (SIDE, SIDE), color="white"))
    return Image.fromarray(np.concatenate([np.asarray(cell) for cell in cells], axis=1))


def sheets(rows: list[Image.Image]) -> Iterator[Image.Image]:
    """Stack the rows, some to a sheet."""
    for first in range(0, len(rows), ROWS):
        yield Image.fromarray(np.concatenate([np.asarray(r) for r in rows[first : first + ROWS]]))


def main() -> None:
    """Start a server, ask for every look, write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+", help="files")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--scene", type=Path, action="append", default=[])
    parser.add_argument("--relight", type=float, nargs="+", default=[Look().relight], help="one column each")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = looks(args.scene, args.relight)
    with running() as server, Client(server.grpc) as client:
        rows = [row(client, photo, wanted) for photo in args.photos]
    for number, sheet in enumerate(sheets(rows)):
        sheet.save(args.out / f"{number}.jpg", quality=92)


if __name__ == "__main__":
    main()
