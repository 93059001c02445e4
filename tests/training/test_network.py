"""The network's contract: coverage of the input's size in [0, 1]; losses that weigh thin parts."""

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed: no torch")
pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from training.network import Segment  # noqa: E402
from training.train import loss, weights  # noqa: E402


def test_output_is_coverage_of_the_inputs_size():
    torch.manual_seed(0)
    network = Segment().eval()
    with torch.no_grad():
        coarse = network(torch.randn(2, 3, 96, 96))
    assert coarse.shape == (2, 3, 96, 96)
    assert coarse.min() >= 0
    assert coarse.max() <= 1


def test_the_network_stays_compact():
    assert sum(p.numel() for p in Segment().parameters()) < 3.6e6


def test_thin_parts_and_small_openings_weigh_more_than_large_ones():
    alpha = torch.zeros(1, 1, 64, 64)
    alpha[..., 10, :] = 1  # a thin line
    alpha[..., 30:60, 10:50] = 1
    alpha[..., 44:47, 30:33] = 0  # a small opening
    weight = weights(alpha)[0, 0]
    assert weight[10, 32] > weight[38, 20]
    assert weight[45, 31] > weight[22, 5]


def test_a_perfect_answer_costs_less_than_an_empty_one():
    truth = torch.zeros(1, 3, 64, 64)
    truth[:, :2, 20:40, 20:40] = 1
    assert loss((truth - 0.5) * 20, truth) < 0.1 < loss(torch.full_like(truth, -10.0), truth)
