"""The network's contract: coverage of the input's size in [0, 1]; a loss that a perfect answer wins."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed: no torch")
pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from training.network import Depthwise, Segment, ThreeScales  # noqa: E402
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


def test_the_prior_is_heard_at_every_size():
    """Where the prior says other things the answer does, there and not far from there."""
    torch.manual_seed(0)
    network, image = Segment().eval(), torch.randn(1, 3, 256, 256)
    prior = torch.full((1, 3, 128, 128), 0.5)
    other = prior.clone()
    other[..., 96:, 96:] = 1
    with torch.no_grad():
        nothing, unsure, told = network(image), network(image, prior), network(image, other)
    torch.testing.assert_close(nothing, unsure)  # 0.5 says nothing
    changed = (told - unsure).abs().amax(1)[0] > 1e-6
    assert changed[200:, 200:].float().mean() > 0.9
    assert not changed[:64, :64].any()


def test_each_scale_is_told_the_smaller_ones_answer():
    class Told(torch.nn.Module):
        """Answers its size in thousandths, and what it was told of its corner."""

        def forward(self, image, prior=None):
            before = 0 if prior is None else prior[:, :1].mean()
            assert prior is None or prior.shape[-1] == image.shape[-1] // 2
            return torch.full_like(image, image.shape[-1] / 1000) + 10 * before

    coarse, single = ThreeScales(Told())(torch.zeros(1, 3, 128, 128))
    torch.testing.assert_close(single, torch.full_like(single, 0.128))
    torch.testing.assert_close(coarse, torch.full_like(coarse, 0.128 + 10 * (0.064 + 10 * 0.032)))


def test_the_middle_is_that_of_the_square():
    square = torch.zeros(2, 64, 64, 3)
    square[:, 16:48, 16:48] = 1
    assert middle(square).shape == (2, 32, 32, 3)
    assert middle(square).min() == 1
