"""Measure a network on held-out renders: IoU, thin recall and precision, openings, false holes, spill.

`python -m training.measure --folder model_repository/segment/1 --out training/results/held-out.json`
All figures are of the coverage scaled back to the photo's size, thresholded at 0.5 unless said.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

F32 = NDArray[Any]  # float32 by contract
Network = Callable[[F32], F32]
KEPT = (
    "iou",
    "mse",
    "thin_recall",
    "thin_precision",
    "openings_kept",
    "false_holes",
    "spill",
    "metal_iou",
    "stone_iou",
)
DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def letterboxed(photo: NDArray[np.uint8], size: int, mean: list[float], scale: list[float]) -> tuple[F32, float]:
    """Fit a photo [H, W, 3] into the top left of a black square: net input [1, 3, size, size] and its scale."""
    factor = size / max(photo.shape[:2])
    height, width = (max(round(side * factor), 1) for side in photo.shape[:2])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    square = np.zeros((size, size, 3), np.float32)
    square[:height, :width] = cv2.resize(photo, (width, height), interpolation=way).astype(np.float32) / 255
    square = (square - np.array(mean, np.float32)) / np.array(scale, np.float32)
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None]), factor


def predict(network: Network, photo: NDArray[np.uint8], card: dict[str, Any]) -> F32:
    """Coverage [H, W, 3] of a photo at its own size."""
    given = card["input"]
    net_input, factor = letterboxed(photo, given["size"], given["mean"], given["scale"])
    coarse = network(net_input)[0].transpose(1, 2, 0)
    height, width = (max(round(side * factor), 1) for side in photo.shape[:2])
    return cv2.resize(coarse[:height, :width], photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def openings(solid: NDArray[np.bool_]) -> list[tuple[NDArray[Any], ...]]:
    """See-through regions of at least 12 px that `solid` encloses, as index arrays."""
    count, label = cv2.connectedComponents((~solid).astype(np.uint8), connectivity=4)
    border = set(np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])))
    sizes = np.bincount(label.ravel(), minlength=count)
    return [np.nonzero(label == k) for k in range(1, count) if k not in border and sizes[k] >= 12]


def figures(truth: F32, alpha: F32) -> dict[str, float | None]:
    """Compare coverage `alpha` [H, W] with the exact `truth` [H, W]."""
    true, found = truth > 0.5, alpha > 0.5
    wide = cv2.morphologyEx(true.astype(np.uint8), cv2.MORPH_OPEN, DISC) > 0
    thin = true & ~wide
    lean = found & ~(cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, DISC) > 0)
    near = cv2.dilate(true.astype(np.uint8), DISC) > 0
    open_ = openings(true)
    inside = cv2.erode(true.astype(np.uint8), DISC) > 0
    _, holes = cv2.connectedComponents((inside & (alpha < 0.5)).astype(np.uint8), connectivity=4)
    big = int((np.bincount(holes.ravel())[1:] >= 12).sum())
    return {
        "iou": float((true & found).sum() / max((true | found).sum(), 1)),
        "mse": float(((truth - alpha) ** 2).mean() * 1000),
        "thin_recall": float(found[thin].mean()) if thin.sum() > 20 else None,
        "thin_precision": float(near[lean].mean()) if lean.sum() > 20 else None,
        "openings_kept": float(np.mean([np.median(alpha[place]) < 0.25 for place in open_])) if open_ else None,
        "false_holes": float(big),
        "spill": float((found & (truth < 0.02)).sum() / max((truth < 0.02).sum(), 1)),
    }


def mean_figures(rows: list[dict[str, float | None]]) -> dict[str, float]:
    """Mean of each figure over the cases that define it."""
    out = {}
    for key in rows[0]:
        values = [value for row in rows if (value := row[key]) is not None]
        out[key] = round(float(np.mean(values)), 4) if values else float("nan")
    return out


def over_folder(network: Network, folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Measure every render of a folder: means for alpha, and IoU of metal and stone."""
    rows, names = [], []
    for note in sorted(folder.glob("*.json")):
        name = note.with_suffix("")
        photo = np.asarray(Image.open(f"{name}.photo.jpg").convert("RGB"))
        truth = np.asarray(Image.open(f"{name}.answer.png"), np.float32) / 255
        share = predict(network, photo, card)
        row = figures(truth[..., 0], share[..., 0])
        for k, slot in ((1, "metal"), (2, "stone")):
            a, b = truth[..., k] > 0.5, share[..., k] > 0.5
            row[f"{slot}_iou"] = float((a & b).sum() / (a | b).sum()) if a.sum() > 50 else None
        rows.append(row)
        names.append(json.loads(note.read_text())["family"])
    return {
        "photos": len(rows),
        "mean": mean_figures(rows),
        "each": [{"family": n, **r} for n, r in zip(names, rows, strict=True)],
    }


def openvino(model: Path, precision: str, threads: int = 2) -> Network:
    """Compile what gives an ONNX file's coverage for the CPU; precision f32 or bf16."""
    import openvino as ov

    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    core = ov.Core()
    graph = core.read_model(str(model))
    for result in graph.get_results():
        if "coarse" not in result.output(0).names:
            graph.remove_result(result)  # a pass of its own, for the overview
    compiled = core.compile_model(graph, "CPU", settings)
    return lambda x: np.asarray(compiled(x)[0], np.float32)


def quantized(model: Path, folder: Path, card: dict[str, Any], target: Path) -> Path:
    """Write the network with int8 weights and activations (QDQ, per channel), calibrated on a folder's photos."""
    from onnxruntime import quantization

    class Photos(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.names = iter(sorted(folder.glob("*.photo.jpg"))[:24])

        def get_next(self) -> dict[str, F32] | None:
            name = next(self.names, None)
            if name is None:
                return None
            given = card["input"]
            photo = np.asarray(Image.open(name).convert("RGB"))
            return {"net_input": letterboxed(photo, given["size"], given["mean"], given["scale"])[0]}

    quantization.quantize_static(str(model), str(target), Photos(), per_channel=True)
    return target


def main() -> None:
    """Measure the model of the repository on both held-out folders and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("model_repository/segment/1"))
    parser.add_argument("--data", type=Path, default=Path("training/.data"))
    parser.add_argument("--out", type=Path, default=Path("training/results/held-out.json"))
    options = parser.parse_args()
    card = json.loads((options.folder / "model.json").read_text())
    network = openvino(options.folder / card["file"], card["precision"])
    result = {"sha256": card["sha256"], "size": card["input"]["size"], "precision": card["precision"]}
    result |= {group: over_folder(network, options.data / group, card) for group in ("seen", "unseen")}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    for group in ("seen", "unseen"):
        print(group, json.dumps(result[group]["mean"]))


if __name__ == "__main__":
    main()
