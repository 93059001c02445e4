"""Lay rendered pairs out to look at: `python -m training.sheet training/.data sheet.png --count 24`.

Each cell: the photo, the photo with everything but the answer dimmed, the stone in blue; the target studio.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def cell(name: Path, side: int) -> np.ndarray:
    """Three pictures of one seed side by side, uint8 [side, 3 * side, 3]."""
    photo = np.asarray(Image.open(f"{name}.photo.jpg").convert("RGB").resize((side, side)), float)
    answer = np.asarray(Image.open(f"{name}.answer.png").resize((side, side)), float) / 255
    white = np.asarray(Image.open(f"{name}.white.png").resize((side, side)), float)
    alpha, stone = answer[..., :1], answer[..., 2:3]
    shown = photo * alpha * (1 - 0.4 * stone) + 0.4 * stone * [60, 120, 255] + (1 - alpha) * [255, 0, 255]
    return np.concatenate([photo, shown, white], 1).clip(0, 255).astype(np.uint8)


def main() -> None:
    """Write the contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--skip", type=int, default=0)
    options = parser.parse_args()
    notes = sorted(options.data.glob("*.json"))[options.skip : options.skip + options.count]
    rows = -(-len(notes) // options.columns)
    page = Image.new("RGB", (options.columns * 3 * options.side, rows * options.side))
    pen = ImageDraw.Draw(page)
    for i, note in enumerate(notes):
        at = (i % options.columns * 3 * options.side, i // options.columns * options.side)
        page.paste(Image.fromarray(cell(note.with_suffix(""), options.side)), at)
        told = json.loads(note.read_text())
        pen.text((at[0] + 3, at[1] + 2), f"{told['seed']} {told['family']}, {told['ground']}", fill=(255, 60, 60))
    page.save(options.out)


if __name__ == "__main__":
    main()
