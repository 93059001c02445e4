"""Any ONNX network runs behind its card; one that does not fit it is refused by name."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from server import engines
from server.card import Card, read_card
from server.engines import Board, Identity, gpu_engine, on_cpu, on_gpu
from server.networks import SegmentNetwork
from server.openvino import CAPABILITIES, native
from server.repository import default_repository
from server.stages.segment import Segmenter

SEGMENT = default_repository() / "segment" / "1"
SIZE = 64


def foreign(folder, **changes) -> Card:
    """Write a network of somebody else's, one output of logits = 10 * red, and return its card."""
    data = ops.parameter([-1, 3, SIZE, SIZE], np.float32, name="image")
    data.output(0).get_tensor().set_names({"image"})
    red = ops.slice(data, [0], [1], [1], [1])
    logits = ops.multiply(red, np.float32(10))
    logits.output(0).get_tensor().set_names({"logits"})
    path = folder / "foreign.xml"
    ov.save_model(ov.Model([logits], [data]), path, compress_to_fp16=False)
    card = {
        "name": "foreign",
        "version": "1",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "none",
        "input": {"name": "image", "size": SIZE, "overview": SIZE, "mean": [0, 0, 0], "scale": [1, 1, 1]},
        "alpha": {"output": "logits", "channel": 0},
        "sigmoid": True,
    }
    return Card.model_validate(card | changes)


def test_a_foreign_network_is_read_as_its_card_says(tmp_path, rng):
    image = rng.normal(size=(3, 3, SIZE, SIZE)).astype(np.float32)
    coarse = SegmentNetwork(foreign(tmp_path), tmp_path, SIZE, on_cpu(1))(image)
    assert coarse.shape == (3, 3, SIZE, SIZE)
    # float32 on both sides; the exponential's last bits may differ
    np.testing.assert_allclose(coarse[:, 0], 1 / (1 + np.exp(-10 * image[:, 0])), atol=1e-5)
    assert not coarse[:, 1:].any(), "metal and stone are unknown to it"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"alpha": {"output": "alpha", "channel": 0}}, "no output alpha; the network has logits"),
        ({"input": {"name": "x", "size": SIZE, "overview": SIZE, "mean": [0, 0, 0], "scale": [1, 1, 1]}}, "no input x"),
        ({"sha256": "00"}, "its card says 00"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path, changes, cause):
    with pytest.raises(ValueError, match=cause):
        SegmentNetwork(foreign(tmp_path, **changes), tmp_path, SIZE, on_cpu(1))


@pytest.mark.parametrize("inside", ["mismatch", "frozen"])
def test_a_network_that_cannot_take_the_size_is_refused_by_name(tmp_path, inside):
    """A size baked into the graph: one where nothing fits any more, one that answers its own size to any photo."""
    data = ops.parameter([-1, 3, -1, -1], np.float32, name="image")
    data.output(0).get_tensor().set_names({"image"})
    red = ops.slice(data, [0], [1], [1], [1])
    if inside == "mismatch":
        made = ops.add(red, np.ones((1, 1, SIZE, SIZE), np.float32))
    else:
        made = ops.interpolate(red, np.array([SIZE, SIZE]), "linear", "sizes", axes=np.array([2, 3]))
    made.output(0).get_tensor().set_names({"logits"})
    path = tmp_path / "foreign.xml"
    card = foreign(tmp_path)
    ov.save_model(ov.Model([made], [data]), path, compress_to_fp16=False)
    card = card.model_copy(update={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    SegmentNetwork(card, tmp_path, SIZE, on_cpu(1))
    with pytest.raises(ValueError, match=r"foreign\.xml: .*32x32"):
        SegmentNetwork(card, tmp_path, 32, on_cpu(1))


def test_a_photo_of_another_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\(3, 32, 32\), here foreign takes \(3, 64, 64\)"):
        SegmentNetwork(foreign(tmp_path), tmp_path, SIZE, on_cpu(1))(np.zeros((1, 3, 32, 32), np.float32))


@pytest.mark.parametrize("at", ["size", "overview"])
def test_ours_answers_coverage_at_both_sizes(rng, at):
    card = read_card(SEGMENT / "model.json")
    size = getattr(card.input, at)
    coarse = SegmentNetwork(card, SEGMENT, size, on_cpu(2))(rng.normal(size=(1, 3, size, size)).astype(np.float32))
    assert coarse.shape == (1, 3, size, size)
    assert coarse.min() >= 0
    assert coarse.max() <= 1


def test_our_card_says_what_the_docs_promise():
    card = json.loads((SEGMENT / "model.json").read_text())
    assert card["licence"] == "Apache-2.0"
    assert card["data"]
    assert card["metrics"]


def test_tensorrt_goes_before_onnx_runtime_and_its_cpu_package_does_not_count(monkeypatch):
    here, packages = set(), set()
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: name if name in here else None)
    monkeypatch.setattr(engines, "_installed", packages.__contains__)
    assert gpu_engine() is None
    here.add("onnxruntime")
    assert gpu_engine() is None, "the package without a GPU has a module of the same name"
    packages.add("onnxruntime-gpu")
    assert gpu_engine() == "onnxruntime"
    here.add("tensorrt")
    assert gpu_engine() == "tensorrt"


@pytest.mark.skipif(gpu_engine() is not None, reason="an engine for the GPU is installed")
def test_without_an_engine_for_the_gpu_both_are_named(tmp_path):
    with pytest.raises(ValueError, match="no engine for the GPU is installed: TensorRT or ONNX Runtime CUDA"):
        on_gpu(tmp_path)


def test_what_runs_is_told_on_the_board(tmp_path):
    identity = Identity("TensorRT", "10.13", "f16", "NVIDIA H100")
    board = Board(str(tmp_path))
    assert board.ask("segment") is None
    board.tell("segment", identity)
    assert board.ask("segment") == identity
    assert str(identity) == "TensorRT 10.13 f16 on NVIDIA H100"
    assert [one.name for one in tmp_path.iterdir()] == ["segment.json"]
    Board().tell("segment", identity)  # nobody listens
    assert Board().ask("segment") is None


def test_an_engine_says_what_it_is():
    identity = SegmentNetwork(read_card(SEGMENT / "model.json"), SEGMENT, 128, on_cpu(1)).engine.identity
    precision = native("bf16", ov.Core().get_property("CPU", CAPABILITIES))
    assert (identity.engine, identity.precision, identity.device) == ("OpenVINO", precision, "1 CPU thread")


def test_a_cpu_without_bfloat16_does_not_emulate_it():
    assert native("bf16", ["FP32", "INT8"]) == native("f32", ["FP32", "BF16"]) == "f32"
    assert native("bf16", ["FP32", "BF16"]) == "bf16"


def test_the_segment_stage_runs_the_network_of_the_inputs_side(tmp_path, rng):
    card = foreign(tmp_path)
    two = card.model_copy(update={"input": card.input.model_copy(update={"large": 2 * SIZE})})
    stage = Segmenter.of(two, tmp_path, on_cpu(1))
    for side in (SIZE, 2 * SIZE):
        image = rng.random((1, 3, side, side), dtype=np.float32)
        expected = SegmentNetwork(card, tmp_path, side, on_cpu(1))(image)
        np.testing.assert_array_equal(stage(image)["coarse"], expected)
    with pytest.raises(ValueError, match=f"{SIZE + 32} px wide, the network takes {SIZE} or {2 * SIZE}"):
        stage(np.zeros((1, 3, SIZE + 32, SIZE + 32), np.float32))
