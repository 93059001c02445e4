"""Lay out the README's picture from what `make demo` wrote: `python -m perf.before_after`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps

from perf.provenance import ROOT

SHOWN = ("solitaire-on-marble", "pendant-on-planks", "filigree-on-weave", "chain-on-granite")
CELL = (400, 300)
GAP = 6


def checkered(cutout: Image.Image) -> Image.Image:
    """Lay a cutout over gray squares, so that its openings show."""
    board = Image.new("L", (cutout.width // 20 + 1, cutout.height // 20 + 1))
    board.putdata([255 if (k % board.width + k // board.width) % 2 else 215 for k in range(board.width * board.height)])
    ground = board.resize((board.width * 20, board.height * 20), Image.Resampling.NEAREST).crop((0, 0, *cutout.size))
    return Image.alpha_composite(ground.convert("RGBA"), cutout.convert("RGBA")).convert("RGB")


def main() -> None:
    """Write docs/before-after.jpg: one column per piece; photo, cutout, picture on white."""
    demo = ROOT / "demo"
    rows = [
        [Image.open(demo / "photos" / f"{name}.jpg") for name in SHOWN],
        [checkered(Image.open(demo / "cutout" / f"{name}.png")) for name in SHOWN],
        [Image.open(demo / "white" / f"{name}.jpg") for name in SHOWN],
    ]
    width, height = CELL[0] + GAP, CELL[1] + GAP
    sheet = Image.new("RGB", (width * len(SHOWN) - GAP, height * len(rows) - GAP), (200, 200, 200))
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            fitted = ImageOps.pad(picture, CELL, Image.Resampling.LANCZOS, color=(255, 255, 255))
            sheet.paste(fitted, (column * width, row * height))
    target = Path(ROOT / "docs" / "before-after.jpg")
    sheet.save(target, quality=88)
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
