"""float16 graphs: as good as float32 on a photo, float32 where they would not be, refused where they are not."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from server.card import Card, RelightCard, read_card
from server.engines import Identity, Network
from server.guard import apart, guarded
from server.half import halved
from server.networks import RelightNetwork, SegmentNetwork
from server.repository import default_repository

CPU = ["CPUExecutionProvider"]


def made(nodes, outputs=("answer",), constants=()) -> bytes:
    """A graph of one input, `image` [N, 4] float32."""
    shown = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 4])
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    held = [numpy_helper.from_array(np.float32(value), name) for name, value in constants]
    graph = helper.make_graph(nodes, "net", [shown], told, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model).SerializeToString()


def run(data: bytes, image) -> list[np.ndarray]:
    return ort.InferenceSession(data, providers=CPU).run(None, {"image": np.float32(image)})


def kinds(data: bytes) -> dict[str, set[int]]:
    """Element types of the inputs that are known by each operator."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data))
    types = {v.name: v.type.tensor_type.elem_type for v in (*model.graph.value_info, *model.graph.input)}
    types |= {one.name: one.data_type for one in model.graph.initializer}
    return {node.op_type: {types.get(name, 0) for name in node.input} for node in model.graph.node}


IMAGE = [[0.1, -0.5, 2.0, 3.0]]
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def test_products_are_narrow_and_inputs_and_outputs_stay_wide():
    data = made(
        [helper.make_node("Mul", ["image", "gain"], ["product"]), helper.make_node("Relu", ["product"], ["answer"])],
        ("answer", "product"),
        [("gain", [1.5])],
    )
    narrow = halved(data)
    assert kinds(narrow)["Mul"] == kinds(narrow)["Relu"] == {HALF}
    answer, product = run(narrow, IMAGE)
    assert answer.dtype == product.dtype == np.float32
    # 0.1 and its product each lose half a unit in the last of 11 bits
    np.testing.assert_allclose(product, 1.5 * np.float32(IMAGE), rtol=1e-3)
    np.testing.assert_array_equal(answer, product.clip(0))


def test_curves_that_run_away_stay_in_float32():
    """exp(2 * 8) overflows float16; its logarithm does not notice."""
    nodes = [
        helper.make_node("Mul", ["image", "eight"], ["big"]),
        helper.make_node("Exp", ["big"], ["huge"]),
        helper.make_node("Log", ["huge"], ["answer"]),
    ]
    narrow = halved(made(nodes, constants=[("eight", [8])]))
    assert kinds(narrow)["Exp"] == {FLOAT}
    np.testing.assert_allclose(run(narrow, IMAGE)[0], 8 * np.float32(IMAGE), rtol=1e-3)


@pytest.mark.parametrize(("value", "kind"), [(1e-9, FLOAT), (1e6, FLOAT), (0.0, HALF), (2.0, HALF)])
def test_a_constant_that_float16_loses_keeps_its_operator_wide(value, kind):
    narrow = halved(made([helper.make_node("Add", ["image", "one"], ["answer"])], constants=[("one", [value])]))
    assert kinds(narrow)["Add"] == {kind}


def test_arithmetic_of_sizes_stays_exact():
    """2049 is no float16: a size computed in it would be 2048."""
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Cast", ["shape"], ["size"], to=FLOAT),
        helper.make_node("ReduceMax", ["size"], ["longest"], keepdims=0),
        helper.make_node("Mul", ["image", "zero"], ["nothing"]),
        helper.make_node("Cast", ["nothing"], ["wide"], to=FLOAT),
        helper.make_node("Cast", ["longest"], ["count"], to=TensorProto.INT64),
        helper.make_node("Cast", ["count"], ["again"], to=FLOAT),
        helper.make_node("Sum", ["again"], ["answer"]),
    ]
    data = made(nodes, ("answer", "wide"), [("zero", [0])])
    assert run(halved(data), np.ones((2049, 4)))[0] == 2049


def test_a_graph_within_a_graph_is_refused():
    inner = helper.make_graph([helper.make_node("Relu", ["image"], ["x"])], "g", [], [
        helper.make_tensor_value_info("x", FLOAT, None)
    ])  # fmt: skip
    node = helper.make_node("If", ["yes"], ["answer"], "branch", then_branch=inner, else_branch=inner)
    model = onnx.load_from_string(made([node]))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    with pytest.raises(ValueError, match=r"If \(node branch\) holds a graph"):
        halved(model.SerializeToString())


class OnCpu:
    """An engine: ONNX's own reference computes in float16 where the graph says so; ONNX Runtime does not."""

    def __init__(self, network: Network, precision: str) -> None:
        data = network.path.read_bytes()
        self.model = ReferenceEvaluator(onnx.load_from_string(halved(data) if precision == "f16" else data))
        self.identity, self.outputs = Identity("reference", onnx.__version__, precision, "CPU"), list(network.outputs)

    def __call__(self, inputs):
        with np.errstate(over="ignore"):
            return dict(zip(self.outputs, self.model.run(self.outputs, dict(inputs)), strict=True))


def network(folder, data: bytes, precision="bf16") -> Network:
    (folder / "net.onnx").write_bytes(data)
    card = {
        "name": "net",
        "version": "1",
        "file": "net.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "none",
        "input": {"name": "image", "size": 32, "overview": 32, "mean": [0, 0, 0], "scale": [1, 1, 1]},
        "alpha": {"output": "answer", "channel": 0},
        "precision": precision,
    }
    shown = {"image": np.float32(IMAGE)}
    return Network.of(Card.model_validate(card), folder, {"image": (4,)}, {"answer": (4,)}, lambda: shown)


OVERFLOWS = made(
    [helper.make_node("Mul", ["image", "big"], ["x"]), helper.make_node("Mul", ["x", "small"], ["answer"])],
    constants=[("big", [60000]), ("small", [1 / 60000])],
)
ROUNDS = made(
    [helper.make_node("Add", ["image", "far"], ["x"]), helper.make_node("Sub", ["x", "far"], ["answer"])],
    constants=[("far", [1001])],
)
FINE = made([helper.make_node("Relu", ["image"], ["answer"])])


@pytest.mark.parametrize(
    ("data", "card", "taken", "said"),
    [
        (FINE, "bf16", "f16", ""),
        (FINE, "f32", "f32", ""),
        (OVERFLOWS, "bf16", "f32", "answer is not finite"),
        (ROUNDS, "bf16", "f32", "answer is off by"),
    ],
    ids=["fine", "card says f32", "overflow", "lost digits"],
)
def test_float16_is_taken_where_it_is_safe_and_refused_aloud(tmp_path, twin, capfd, data, card, taken, said):
    asked = network(tmp_path, data, card)
    engine = guarded(asked, lambda precision: OnCpu(asked, precision))
    assert engine.identity.precision == taken
    assert said in capfd.readouterr().out


def test_what_differs_in_float32_too_is_refused(tmp_path, twin):
    asked = network(tmp_path, FINE)
    (tmp_path / "other").mkdir()
    other = network(tmp_path / "other", made([helper.make_node("Neg", ["image"], ["answer"])]))
    with pytest.raises(ValueError, match=r"net\.onnx: net answers otherwise than on the CPU: answer is off"):
        guarded(asked, lambda precision: OnCpu(other, precision))


def test_one_thin_line_lost_is_seen():
    """A thousandth of the numbers may differ by anything, for edges move; not a line of one pixel across a photo."""
    wide = np.zeros((1, 256, 256), np.float32)
    edge, line = wide.copy(), wide.copy()
    edge[0, 0, :60], line[0, 100] = 0.5, 1
    assert apart({"alpha": edge}, {"alpha": wide}) is None
    assert "alpha is off" in apart({"alpha": line}, {"alpha": wide})
    assert apart({"alpha": wide * np.nan}, {"alpha": wide}) == "alpha is not finite"


def probed(name: str) -> Network:
    """Return a shipped network as a stage asks an engine to run it."""
    asked = []

    def start(network):
        asked.append(network)
        return OnCpu

    folder = default_repository() / name / "1"
    if name == "segment":
        card = read_card(folder / "model.json")
        SegmentNetwork(card, folder, card.input.overview, start)
    else:
        RelightNetwork(read_card(folder / "model.json", RelightCard), folder, start)
    return asked[0]


@pytest.mark.parametrize("name", ["segment", "relight"])
def test_nothing_narrow_in_a_shipped_network_comes_near_the_end_of_float16(name):
    """Every tensor that becomes float16 is at most a sixteenth of 65504 on a photo: sums of products have room."""
    network = probed(name)
    data = network.path.read_bytes()
    narrow = {
        output.removesuffix(":f16")
        for node in onnx.load_from_string(halved(data)).graph.node
        for output in node.output
        if output.endswith(":f16")
    }
    model = onnx.load_from_string(data)
    known = {one.name for one in model.graph.output} | {one.name for one in model.graph.input}
    model.graph.output.extend(onnx.ValueInfoProto(name=one) for one in sorted(narrow - known))
    session = ort.InferenceSession(model.SerializeToString(), providers=CPU)
    wanted = [one.name for one in session.get_outputs() if one.name in narrow]
    assert len(wanted) > 100
    most = {
        one: float(np.abs(found).max()) for one, found in zip(wanted, session.run(wanted, network.probe()), strict=True)
    }
    name, value = max(most.items(), key=lambda item: item[1])
    assert value < 65504 / 16, (name, value)
