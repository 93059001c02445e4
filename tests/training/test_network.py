"""The network's contract: coverage of the input's size in [0, 1]; a loss that a perfect answer wins."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed: no torch")
pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from training.network import ODDS, Depthwise, Segment, ThreeScales, held  # noqa: E402
from training.train import loss, middle  # noqa: E402

SHIPPED = Path(__file__).parents[2] / "model_repository/segment/1/model.onnx"


def test_output_is_coverage_of_the_inputs_size():
    torch.manual_seed(0)
    network = Segment().eval()
    with torch.no_grad():
        coarse = network(torch.randn(2, 3, 96, 96))
    assert coarse.shape == (2, 3, 96, 96)
    assert coarse.min() >= 0
    assert coarse.max() <= 1


def test_the_network_stays_compact():
    assert sum(p.numel() for p in Segment().parameters()) < 3.9e6


def test_the_shipped_weights_are_a_checkpoint():
    pytest.importorskip("onnx", reason="the train extra is not installed: no onnx")
    network = Segment()
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in network.modules())
    assert network.load_onnx(SHIPPED) == convolutions


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_fast_gradient_of_a_strided_layer_is_the_true_one(kernel):
    torch.manual_seed(kernel)
    layer, x = Depthwise(6, kernel, 2), torch.randn(2, 6, 20, 28, requires_grad=True)
    gradients = []
    for training in (True, False):
        y = layer.train(training)(x)
        gradients.append(torch.autograd.grad(y, x, torch.ones_like(y).cumsum(-1))[0])
    torch.testing.assert_close(*gradients)


def test_a_perfect_answer_costs_less_than_an_empty_one():
    truth = torch.zeros(1, 3, 64, 64)
    truth[:, :2, 20:40, 20:40] = 1
    weight = torch.ones(1, 1, 64, 64)
    assert loss((truth - 0.5) * 20, truth, weight) < 0.1 < loss(torch.full_like(truth, -10.0), truth, weight)


def test_what_the_smaller_size_says_is_heard_nearby():
    pytest.importorskip("onnx", reason="the train extra is not installed: no onnx")
    torch.manual_seed(0)
    network, image = Segment().eval(), torch.randn(1, 3, 256, 256)
    network.load_onnx(SHIPPED)
    prior = torch.full((1, 3, 128, 128), 0.5)
    other = prior.clone()
    other[..., 96:, 96:] = 1
    with torch.no_grad():
        nothing, unsure, told = network(image), network(image, prior), network(image, other)
    torch.testing.assert_close(nothing, unsure)  # 0.5 says nothing
    changed = (told - unsure).abs().amax(1)[0] > 1e-4
    assert changed[200:, 200:].float().mean() > 0.9
    assert not changed[:64, :64].any()


def test_what_half_the_size_does_not_know_is_dropped_and_what_it_is_sure_of_is_filled():
    """A vein is seen at full size only; the middle of a stone only at half of it; an edge is the full size's."""
    full, half = torch.zeros(1, 3, 128, 128), torch.zeros(1, 3, 64, 64)
    full[:, :, 20, :] = 1  # a vein
    full[:, :2, 60:120, 40:100] = 1  # a piece whose middle is lost
    full[:, :2, 80:100, 60:80] = 0
    half[:, :2, 30:60, 20:50] = 1
    coarse = held(full, half)
    assert coarse[0, 0, 20].max() == 0
    assert coarse[0, :2, 80:100, 60:80].min() > 0.99
    torch.testing.assert_close(coarse[0, 0, 50:70, 70], full[0, 0, 50:70, 70])
    assert coarse[0, 2].max() == 0


def test_an_opening_that_both_see_stays_open():
    full, half = torch.ones(1, 3, 128, 128), torch.ones(1, 3, 64, 64)
    full[:, :, 60:68, 60:68] = 0
    half[:, :, 30:34, 30:34] = 0
    assert held(full, half)[0, 0, 62:66, 62:66].max() < 0.01


def test_a_narrow_opening_that_half_the_size_does_not_see_stays_open_where_the_piece_is_thin():
    """A lattice: bars wider than half the size resolves, and nowhere solid enough to be filled."""
    full, half = torch.zeros(1, 3, 128, 128), torch.zeros(1, 3, 64, 64)
    full[:, :, 40:50, :] = 1
    full[:, :, 44:46, 60:64] = 0
    half[:, :, 20:25, :] = 1
    assert held(full, half)[0, 0, 44:46, 60:64].max() < 0.01


class Told(torch.nn.Module):
    """A network that answers what it is told at each size, and keeps what else it was told."""

    def __init__(self, answers):
        super().__init__()
        self.answers, self.priors = answers, {}

    def forward(self, image, prior=None):
        if prior is not None:
            self.priors[image.shape[-1]] = prior
        return self.answers[image.shape[-1]]


def test_each_scale_is_told_the_smaller_ones_answer_and_held_against_it():
    """What only the smallest drops is dropped at every size; a pass that is told nothing is handed out beside it."""
    full, half, quarter = torch.ones(1, 3, 128, 128), torch.ones(1, 3, 64, 64), torch.ones(1, 3, 32, 32)
    quarter[..., :16] = 0
    network = Told({128: full, 64: half, 32: quarter})
    coarse, single = ThreeScales(network)(torch.zeros(1, 3, 128, 128))
    torch.testing.assert_close(single, full)
    torch.testing.assert_close(network.priors[64], quarter)
    torch.testing.assert_close(network.priors[128], held(half, quarter))
    assert coarse[..., :52].max() == 0
    assert coarse[..., 72:].min() == 1


def test_what_is_as_likely_in_as_out_is_in_by_its_odds():
    """Alpha alone: nothing and all of it stay, metal and stone are as they were told."""
    square = torch.full((1, 3, 128, 128), 0.5)
    network = Told({128: square, 64: square[..., :64, :64], 32: square[..., :32, :32]})
    alpha, *kinds = ThreeScales(network)(torch.zeros(1, 3, 128, 128))[0][0, :, 64, 64].tolist()
    assert alpha == pytest.approx(ODDS / (1 + ODDS))
    assert kinds == [0.5, 0.5]


def test_the_middle_is_that_of_the_square():
    square = torch.zeros(2, 3, 64, 64)
    square[..., 16:48, 16:48] = 1
    assert middle(square).shape == (2, 3, 32, 32)
    assert middle(square).min() == 1
