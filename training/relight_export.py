"""Export a relight checkpoint: `python -m training.relight_export --run relight`.

Writes model_repository/relight/1/model.onnx and model.json, after measuring torch, OpenVINO f32 and OpenVINO bf16 on
the path traced pairs (training/results/relight.json).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kernels.reference.relight import IDENTITY
from training import studio
from training.export import commit
from training.pairs import SIDE
from training.relight import GRID, Relight
from training.relight_measure import F32, Network, closed_form, of_checkpoint, over_folder

STRENGTHS = (0.3, 0.5, 0.7)
"""Measured besides full strength, to choose the look's default by."""
DATA = (
    "Pairs of pictures of synthetic jewelry whose light paths were traced by this repository (training/paths.py): as "
    "lit by photographs' surroundings (training/ASSETS.md), and by a studio in closed form. No real jewelry was used."
)


class Served(Relight):
    """What is shipped of the network: its transforms."""

    def forward(self, seen: Tensor, light: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the transforms."""
        return super().forward(seen, light)[0]


def write_onnx(checkpoint: Path, path: Path) -> dict[str, Any]:
    """Write an opset 17 graph with a dynamic batch; return the checkpoint's steps and seconds."""
    kept = torch.load(checkpoint, weights_only=True)
    network = Served()
    network.load_state_dict(kept["average"])
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 6, SIDE, SIDE), torch.zeros(1, 27)),
        str(path),
        input_names=["seen", "light"],
        output_names=["transforms"],
        dynamic_axes={name: {0: "batch"} for name in ("seen", "light", "transforms")},
        opset_version=17,
        dynamo=False,
    )
    return {"steps": kept["step"], "seconds": round(kept["seconds"])}


def openvino(path: Path, precision: str) -> Network:
    """The exported network in OpenVINO on two threads."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(path)
    model.reshape({"seen": [1, 6, SIDE, SIDE], "light": [1, 27]})
    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 2, "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", options)

    def run(seen: F32, light: F32) -> F32:
        return compiled({"seen": seen[None], "light": light[None]})["transforms"][0].transpose(1, 2, 0)

    return run


def followed_by(network: Network, strength: float) -> Network:
    """Return the network whose answer is followed by that much, in linear light."""
    return lambda seen, light: IDENTITY + np.float32(strength) * (network(seen, light) - IDENTITY)


def card(path: Path, precision: str, training: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """Describe the model as the server reads it."""
    white, dark = studio.constant_light(), studio.constant_light(floor=0.0)
    return {
        "name": "milgrain-relight",
        "version": "0.12.0",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "precision": precision,
        "side": SIDE,
        "grid": SIDE // GRID,
        "above": [round(float(v), 5) for v in dark[::3]],
        "below": [round(float(v), 5) for v in (white - dark)[::3]],
        "licence": "Apache-2.0",
        "data": DATA,
        "metrics": metrics,
        "training": training,
    }


def time_ms(networks: dict[str, Network], rounds: int = 9) -> dict[str, float]:
    """Median milliseconds; the networks take turns, so that other load hits all alike."""
    seen, light = np.zeros((6, SIDE, SIDE), np.float32), studio.constant_light()
    spent: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(rounds):
        for name, network in networks.items():
            start = time.perf_counter()
            network(seen, light)
            spent[name].append(1000 * (time.perf_counter() - start))
    return {name: round(float(np.median(values)), 1) for name, values in spent.items()}


def main() -> None:
    """Export, measure, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="relight")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="bf16")
    parser.add_argument("--folder", type=Path, default=Path("model_repository/relight/1"))
    parser.add_argument("--data", type=Path, default=Path("training/.data"))
    parser.add_argument("--result", type=Path, default=Path("training/results/relight.json"))
    options = parser.parse_args()
    torch.set_num_threads(2)
    checkpoint = Path("training/.runs") / options.run / "last.pt"
    path = options.folder / "model.onnx"
    training = write_onnx(checkpoint, path)
    networks = {
        "torch f32": of_checkpoint(checkpoint),
        "openvino f32": openvino(path, "f32"),
        "openvino bf16": openvino(path, "bf16"),
    }
    pairs = options.data / "relit"
    rows = {name: over_folder(network, pairs)[0] for name, network in networks.items()}
    for strength in STRENGTHS:
        weaker = followed_by(networks["openvino bf16"], strength)
        rows[f"openvino bf16 at {strength}"] = over_folder(weaker, pairs)[0]
    result = {"plain composite": over_folder(None, pairs)[0], "rows": rows, "ms": time_ms(networks)}
    result["studio in closed form"] = closed_form(pairs)
    pieces = len(list((options.data / "paths").glob("*.json")))
    training |= {"commit": commit(), "pieces": pieces, "machine": "2 shared cores, no GPU"}
    options.result.write_text(json.dumps(result | {"training": training}, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    made = card(path, options.precision, training, rows[f"openvino {options.precision}"])
    (options.folder / "model.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
