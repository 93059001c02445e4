"""ONNX Runtime by IO binding: the CPU's provider stands where CUDA's does, all else is the same.

It computes float16 graphs in float32 between roundings of its own choice: their precision is shown in test_half.py.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from server.card import RelightCard, read_card
from server.engines import on_cpu
from server.guard import guarded
from server.networks import RelightNetwork, SegmentNetwork
from server.onnxruntime import OnnxRuntime, kept, on_cuda
from server.repository import default_repository

SEGMENT, RELIGHT = default_repository() / "segment" / "1", default_repository() / "relight" / "1"
CARD, RELIGHT_CARD = read_card(SEGMENT / "model.json"), read_card(RELIGHT / "model.json", RelightCard)
CPU = "CPUExecutionProvider"


def start(network):
    return guarded(network, lambda precision: OnnxRuntime(network, precision, CPU))


def test_locate_answers_a_batch_in_float16_as_openvino_does_one_by_one(twin):
    """The shipped network passes the guard in float16, and every photo of a batch is answered in its place."""
    size = CARD.input.overview
    ours = SegmentNetwork(CARD, SEGMENT, size, start, CARD.overview, batch=8)
    assert (ours.engine.identity.engine, ours.engine.identity.precision) == ("ONNX Runtime", "f16")
    seen = []

    def probed(network):
        seen.append(network.probe()[CARD.input.name])
        return on_cpu(2)(network)

    theirs = SegmentNetwork(CARD, SEGMENT, size, probed, CARD.overview)
    batch = np.concatenate([seen[0], seen[0][..., ::-1], seen[0][..., ::-1, :]])
    found, expected = ours(batch), theirs(batch)
    assert found.shape == (3, 3, size, size)
    assert (expected[0, 0] > 0.5).any()
    # float16 against bfloat16, whose 8 bits give a sigmoid steps of 0.004; edges turn that into more
    assert np.abs(found - expected).mean() < 2e-3
    np.testing.assert_allclose(found[1, :, :, ::-1].mean(), found[0].mean(), rtol=0.2)


@pytest.mark.parametrize("output", ["coarse", "single"])
def test_only_what_the_wanted_output_needs_is_loaded(output):
    """One output is three passes of the network, the other a fourth: neither stage pays for the other's."""
    data = (SEGMENT / CARD.file).read_bytes()
    whole, part = onnx.load_from_string(data), onnx.load_from_string(kept(data, [CARD.input.name], [output]))
    assert [one.name for one in part.graph.output] == [output]
    convolutions = [sum(node.op_type == "Conv" for node in one.graph.node) for one in (whole, part)]
    assert convolutions[1] == convolutions[0] * {"coarse": 3, "single": 1}[output] / 4


def test_an_output_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="nothing"):
        kept((SEGMENT / CARD.file).read_bytes(), [CARD.input.name], ["nothing"])


def test_relight_passes_the_guard_in_float16(twin):
    network = RelightNetwork(RELIGHT_CARD, RELIGHT, start)
    assert network.engine.identity.precision == "f16"
    side = RELIGHT_CARD.side
    light = network(np.full((6, side, side), 0.5, np.float32), np.zeros(27, np.float32))
    assert light.shape == (RELIGHT_CARD.grid, RELIGHT_CARD.grid, 12)
    assert light.flags.c_contiguous


def test_without_cuda_it_is_refused_in_a_sentence(twin):
    """CuPy is asked first; where it or the driver is missing, no network is loaded."""
    with pytest.raises((ImportError, RuntimeError, ValueError)):
        RelightNetwork(RELIGHT_CARD, RELIGHT, on_cuda)


@pytest.mark.gpu
def test_cuda_answers_every_photo_of_a_batch_in_its_place():
    """on_cuda holds its first answer against the CPU's itself; here: batches, on a stream of our own."""
    import cupy as cp

    size = CARD.input.overview
    seen = []

    def probed(network):
        seen.append(network.probe()[CARD.input.name])
        return on_cuda(network)

    with cp.cuda.Stream(non_blocking=True):
        network = SegmentNetwork(CARD, SEGMENT, size, probed, CARD.overview, batch=8)
        assert network.engine.identity.engine == "ONNX Runtime"
        one = cp.asarray(seen[0])
        alone = [cp.asnumpy(network(each))[0] for each in (one, cp.ascontiguousarray(one[..., ::-1]))]
        for count in (2, 3, 8):
            batch = cp.concatenate([one, cp.ascontiguousarray(one[..., ::-1])] * 4)[:count]
            found = cp.asnumpy(network(batch))
            for k in range(count):
                # another algorithm for another batch: sums in another order, in float16
                np.testing.assert_allclose(found[k], alone[k % 2], atol=0.02)


@pytest.mark.gpu
def test_relight_runs_on_cuda():
    import cupy as cp

    with cp.cuda.Stream(non_blocking=True):
        network = RelightNetwork(RELIGHT_CARD, RELIGHT, on_cuda)
        side = RELIGHT_CARD.side
        light = cp.asnumpy(network(cp.full((6, side, side), 0.5, cp.float32), cp.zeros(27, cp.float32)))
    assert np.isfinite(light).all()
