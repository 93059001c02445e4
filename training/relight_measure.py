"""Measure a relight network on path traced pairs: `python -m training.relight_measure training/.runs/relight/last.pt`.

Pairs are made by `training.render --out training/.data/relit` (photo and studio picture of a seed); alpha, metal and
stone are the exact answers, so that only the light is judged. Those of seeds from 900000 are of held-out families.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from kernels.reference.composite import relit
from kernels.reference.difference import difference, lab
from kernels.reference.relight import place, seen
from kernels.reference.srgb import linear_to_srgb, srgb_to_linear
from kernels.reference.window import Window
from training import shade, studio
from training.pairs import SIDE
from training.relight import Relight
from training.shade import F32, U8

HELD_OUT = 900000
Network = Callable[[F32, F32], F32]
"""Input [6, S, S] and light [27] to transforms [g, g, 12]."""


def of_checkpoint(path: Path) -> Network:
    """The averaged network of a checkpoint."""
    network = Relight()
    network.load_state_dict(torch.load(path, weights_only=True)["average"])
    network.eval()

    def run(shown: F32, light: F32) -> F32:
        with torch.no_grad():
            made, _ = network(torch.from_numpy(shown)[None], torch.from_numpy(light)[None])
        return made[0].permute(1, 2, 0).numpy()

    return run


def over_white(colour: F32, alpha: F32) -> U8:
    """Lay linear colour [H, W, 3] over white as the studio pictures are: in sRGB values, straight alpha."""
    encoded = linear_to_srgb(colour.clip(0, 1)).astype(np.float32)
    return np.round(encoded * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)


def relighted(photo: U8, answer: U8, network: Network, side: int, light: F32) -> F32:
    """Return the photo's linear colour [H, W, 3] in a new light; outside the piece it means nothing."""
    height, width = photo.shape[:2]
    alpha = answer[..., 0].astype(np.float32) / 255
    maps = answer.transpose(2, 0, 1).astype(np.float32) / 255
    view = place(alpha)
    made = network(seen(photo, alpha, maps, Window(0, 0, width, height), view, side), light)
    top, left = max(0, view.top), max(0, view.left)
    bottom, right = min(height, view.top + view.height), min(width, view.left + view.width)
    part = Window(left - view.left, top - view.top, right - left, bottom - top)
    out = srgb_to_linear(photo)
    out[top:bottom, left:right] = relit(out[top:bottom, left:right], made, part, (view.height, view.width))
    return out


def figures(picture: U8, truth: U8, photo: U8, answer: U8) -> dict[str, float]:
    """CIEDE2000 inside the piece and inside stones; correlation of fine structure with the photo inside metal.

    Fine structure is the gradient of lightness, a pixel and more from metal's edge: there both ends are metal. 1 is the
    photo's.
    """
    one, other, old = (lab(srgb_to_linear(p)) for p in (picture, truth, photo))
    apart = difference(one, other)
    sure, metal, stone = answer[..., 0] > 240, answer[..., 1] > 200, answer[..., 2] > 200
    out = {"piece": float(apart[sure].mean())}
    if stone.sum() > 50:
        out["stone"] = float(apart[stone].mean())
    inner = cv2.erode((sure & metal).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if inner.sum() > 50:
        fine = [np.stack(np.gradient(a[..., 0])) for a in (one, old)]
        a, b = (f[:, inner] for f in fine)
        out["detail"] = float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum() + 1e-9))
    return out


def over_folder(network: Network | None, folder: Path, side: int = SIDE) -> tuple[dict[str, Any], list[U8]]:
    """Mean figures of seen and unseen families, and a row of pictures a pair; no network: the plain composite."""
    light = studio.constant_light()
    rows: dict[str, list[dict[str, float]]] = {"seen": [], "unseen": []}
    pictures = []
    for note in sorted(folder.glob("*.json")):
        name = note.with_suffix("")
        photo, white, old, answer = (
            np.asarray(Image.open(f"{name}.{kind}").convert("RGB"))
            for kind in ("photo.jpg", "white.png", "answer.png", "white.answer.png")
        )
        if not np.array_equal(old > 127, answer > 127) and json.loads(note.read_text())["props"]:
            answer = np.minimum(old, answer)  # a prop lies before the piece
        alpha = answer[..., 0].astype(np.float32) / 255
        colour = srgb_to_linear(photo) if network is None else relighted(photo, answer, network, side, light)
        picture = over_white(colour, alpha)
        group = "unseen" if json.loads(note.read_text())["seed"] >= HELD_OUT else "seen"
        rows[group].append(figures(picture, white, photo, answer))
        plain = over_white(srgb_to_linear(photo), alpha)
        pictures.append(np.concatenate([photo, plain, picture, white], 1))
    mean = {
        group: {
            key: round(float(np.mean([row[key] for row in found if key in row])), 3)
            for key in ("piece", "stone", "detail")
        }
        | {"pairs": len(found)}
        for group, found in rows.items()
        if found
    }
    return mean, pictures


def closed_form(folder: Path) -> dict[str, float]:
    """CIEDE2000 of the studio in closed form to the path traced one, for the pairs whose paths lie in folder/paths."""
    apart = []
    for note in sorted((folder / "paths").glob("*.json")):
        name, piece = folder / note.stem, shade.read(note.with_suffix(""))
        white, answer = (
            np.asarray(Image.open(f"{name}.{k}").convert("RGB")) for k in ("white.png", "white.answer.png")
        )
        colour, covered = studio.picture(piece, studio.white(piece), piece.materials, 1)
        picture = over_white(colour, covered[..., 0].astype(np.float32) / 255)
        apart.append(figures(picture, white, white, answer)["piece"])
    spread = {"mean": np.mean(apart), "least": np.min(apart), "most": np.max(apart)}
    return {"pairs": len(apart)} | {key: round(float(value), 2) for key, value in spread.items()}


def main() -> None:
    """Print the figures of checkpoints and of the plain composite; keep a sheet of pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, default=Path("training/.data/relit"))
    parser.add_argument("--sheet", type=Path, help="photo, plain composite, relit, truth: one row a pair")
    options = parser.parse_args()
    print("plain", json.dumps(over_folder(None, options.data)[0]))
    for path in options.checkpoints:
        mean, pictures = over_folder(of_checkpoint(path), options.data)
        print(path.name, json.dumps(mean))
        if options.sheet:
            half = -(-len(pictures) // 2)
            pictures += [np.zeros_like(pictures[0])] * (2 * half - len(pictures))
            sheet = np.concatenate([np.concatenate(pictures[:half]), np.concatenate(pictures[half:])], 1)
            small = cv2.resize(sheet, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
            Image.fromarray(np.asarray(small, np.uint8)).save(options.sheet)


if __name__ == "__main__":
    main()
