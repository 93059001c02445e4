"""TensorRT builds the shipped graphs: proven by TensorRT-RTX, which needs no GPU and no driver to build."""

from __future__ import annotations

import hashlib
import resource
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
import tensorrt_rtx_bindings as trt
from onnx import TensorProto, helper

from server.card import Card, RelightCard, read_card
from server.engines import Network
from server.networks import RelightNetwork, SegmentNetwork
from server.repository import default_repository
from server.tensorrt import Key, build, kept, on_tensorrt, profile

SEGMENT, RELIGHT = default_repository() / "segment" / "1", default_repository() / "relight" / "1"
CARD, RELIGHT_CARD = read_card(SEGMENT / "model.json"), read_card(RELIGHT / "model.json", RelightCard)


class Asked(Exception):
    """Carries what an engine was asked to run."""


def asked(kind, *arguments, **more) -> Network:
    """Return the network that a stage asks an engine for."""

    def start(network):
        raise Asked(network)

    with pytest.raises(Asked) as caught:
        kind(*arguments, start, **more)
    return caught.value.args[0]


def shipped(name: str) -> Network:
    net = CARD.input
    if name == "locate":
        return asked(SegmentNetwork, CARD, SEGMENT, net.overview, output=CARD.overview, batch=8)
    if name == "segment":
        return asked(SegmentNetwork, CARD, SEGMENT, net.size, batch=8)
    return asked(RelightNetwork, RELIGHT_CARD, RELIGHT)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["f16", "f32"])
@pytest.mark.parametrize("name", ["locate", "segment", "relight"])
def test_the_shipped_networks_build_for_every_batch(name, precision):
    network = shipped(name)
    plan = build(trt, network, precision)
    # The weights are in the plan: half of the file in float16, and only constants that were folded may be missing.
    least = 0.45 if precision == "f16" else 0.9
    # locate needs less of the network than segment does, but all of its encoder and decoder.
    assert len(plan) > least * network.path.stat().st_size


def graph(folder: Path, nodes: list, **changes) -> Network:
    """Return a network of one input and output, [N, 3, 8, 8], computed by `nodes`."""
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, 8, 8]) for name in ("image", "answer")
    ]
    made = helper.make_graph(nodes, "foreign", values[:1], values[1:])
    path = folder / "foreign.onnx"
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("elsewhere", 1)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=8), path)
    card = {
        "name": "foreign",
        "version": "1",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "none",
        "input": {"name": "image", "size": 32, "overview": 32, "mean": [0, 0, 0], "scale": [1, 1, 1]},
        "alpha": {"output": "answer", "channel": 0},
        "precision": "bf16",
    }
    asked_for = {
        "inputs": {"image": (3, 8, 8)},
        "outputs": {"answer": (3, 8, 8)},
        "probe": lambda: {"image": np.ones((1, 3, 8, 8), np.float32)},
        "batch": 4,
    }
    return Network.of(Card.model_validate(card), folder, **asked_for | changes)


@pytest.mark.parametrize("precision", ["f16", "f32"])
def test_an_unknown_operator_is_named_with_its_file(tmp_path, precision):
    node = helper.make_node("Engrave", ["image"], ["answer"], "hallmark", domain="elsewhere")
    with pytest.raises(ValueError, match=r"foreign\.onnx: TensorRT 1\S* cannot run operator Engrave \(node hallmark\)"):
        build(trt, graph(tmp_path, [node]), precision)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"inputs": {"photo": (3, 8, 8)}}, "no input photo; the network has image"),
        ({"outputs": {"alpha": (3, 8, 8)}}, "no output alpha; the network has answer"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused(tmp_path, changes, cause):
    with pytest.raises(ValueError, match=cause):
        build(trt, graph(tmp_path, [helper.make_node("Relu", ["image"], ["answer"])], **changes), "f32")


def test_a_plan_is_for_every_batch_up_to_the_largest(tmp_path):
    network = graph(tmp_path, [helper.make_node("Relu", ["image"], ["answer"])])
    made = profile(trt.Builder(trt.Logger(trt.Logger.ERROR)), network)
    assert [tuple(one) for one in made.get_shape("image")] == [(1, 3, 8, 8), (4, 3, 8, 8), (4, 3, 8, 8)]


def key(**changes) -> Key:
    fields = {"gpu": "H100", "capability": "9.0", "version": "10.13", "sha256": "ab", "precision": "bf16"}
    return Key(**fields | {"shapes": {"image": [8, 3, 8, 8]}, "outputs": ["answer"]} | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"gpu": "A100"},
        {"capability": "8.0"},
        {"version": "10.14"},
        {"sha256": "cd"},
        {"precision": "f32"},
        {"shapes": {"image": [16, 3, 8, 8]}},
        {"outputs": ["single"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_a_plan_depends_on_makes_another_file(tmp_path, change):
    assert key().file(tmp_path, "net") == key().file(tmp_path, "net")
    assert key().file(tmp_path, "net") != key(**change).file(tmp_path, "net")


def test_a_plan_is_made_once_and_kept(tmp_path):
    path, made = tmp_path / "deep" / "net.plan", []

    def make():
        made.append(1)
        return b"plan\n\0of bytes", "f16"

    assert kept(path, key(), make) == kept(path, key(), make) == (b"plan\n\0of bytes", "f16")
    assert len(made) == 1
    assert {one.suffix for one in path.parent.iterdir()} == {".plan", ".lock"}  # nothing half-written is left


@pytest.mark.parametrize("damage", [b"", b"no json\nplan", b"[]\nplan", b"{}\nplan", None])
def test_a_damaged_or_foreign_plan_is_made_again(tmp_path, damage):
    path = tmp_path / "net.plan"
    kept(path, key(), lambda: (b"old", "f32"))
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert kept(path, key(), lambda: (b"new", "f16")) == (b"new", "f16")
    # whole, but of another key under the same name
    assert kept(path, key(gpu="A100"), lambda: (b"other", "f16")) == (b"other", "f16")


def test_of_two_that_want_a_plan_one_makes_it(tmp_path):
    path, made, begun = tmp_path / "net.plan", [], threading.Event()

    def make():
        made.append(1)
        begun.set()
        second.join(0.3)  # it has to wait for us, and not the other way round
        return b"plan", "f16"

    second = threading.Thread(target=lambda: begun.wait() and kept(path, key(), make))
    first = threading.Thread(target=lambda: kept(path, key(), make))
    second.start()
    first.start()
    first.join()
    second.join()
    assert len(made) == 1


def test_a_build_that_fails_leaves_no_plan(tmp_path):
    def fail():
        raise ValueError("out of memory")

    with pytest.raises(ValueError, match="out of memory"):
        kept(tmp_path / "net.plan", key(), fail)
    assert not (tmp_path / "net.plan").exists()


def test_a_full_disk_leaves_no_half_plan(tmp_path):
    """The system's limit on a file's size stands in for the disk's."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            kept(tmp_path / "net.plan", key(), lambda: (bytes(100_000), "f16"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [path.name for path in tmp_path.iterdir()] == ["net.lock"]


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["locate", "segment", "relight"])
def test_tensorrt_answers_as_the_cpu_does(name, tmp_path):
    """on_tensorrt holds its first photo against the CPU's itself; here: every batch size, and the kept plan."""
    cp = pytest.importorskip("cupy")
    tensorrt = pytest.importorskip("tensorrt")
    network = shipped(name)
    with cp.cuda.Stream(non_blocking=True) as stream:
        engine = on_tensorrt(tensorrt, network, tmp_path)
        again = on_tensorrt(tensorrt, network, tmp_path)
        assert again.identity == engine.identity
        probe = {key: cp.asarray(array) for key, array in network.probe().items()}
        one = {key: cp.asnumpy(array) for key, array in engine(probe).items()}
        for count in range(1, network.batch + 1):
            batch = {key: cp.repeat(array, count, axis=0) for key, array in probe.items()}
            for key_, array in again(batch).items():
                stream.synchronize()
                # other tactics for other batches: sums in another order, in float16
                np.testing.assert_allclose(cp.asnumpy(array), np.repeat(one[key_], count, 0), atol=0.02)
