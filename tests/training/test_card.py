"""The model card beside the shipped network: complete, true to the file, small enough."""

import hashlib
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "model_repository/segment/1"

CARD = json.loads((FOLDER / "model.json").read_text())


def test_card_has_every_field():
    assert set(CARD) == {
        "name",
        "version",
        "file",
        "sha256",
        "input",
        "alpha",
        "metal",
        "stone",
        "overview",
        "sigmoid",
        "precision",
        "licence",
        "data",
        "metrics",
        "training",
    }
    assert set(CARD["input"]) == {"name", "size", "large", "overview", "mean", "scale"}
    assert CARD["precision"] in ("f32", "bf16")
    assert CARD["input"]["size"] % 128 == CARD["input"]["large"] % 128 == CARD["input"]["overview"] % 32 == 0
    assert len(CARD["input"]["mean"]) == len(CARD["input"]["scale"]) == 3
    assert CARD["alpha"] == {"output": "coarse", "channel": 0}
    assert CARD["metal"] in (None, {"output": "coarse", "channel": 1})
    assert CARD["stone"] in (None, {"output": "coarse", "channel": 2})


def test_card_describes_the_file_beside_it():
    model = FOLDER / CARD["file"]
    assert hashlib.sha256(model.read_bytes()).hexdigest() == CARD["sha256"]
    assert model.stat().st_size <= 25e6


def test_the_graph_runs_as_the_card_says():
    onnx = pytest.importorskip("onnx", reason="the train extra is not installed: no onnx")
    graph = onnx.load(FOLDER / CARD["file"])
    (given,), made = graph.graph.input, [output.name for output in graph.graph.output]
    assert given.name == CARD["input"]["name"]
    assert made == [CARD["alpha"]["output"], CARD["overview"]]
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["batch", 3, "height", "width"]
    assert graph.opset_import[0].version == 17
