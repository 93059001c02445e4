"""The relight network's contract, and that training and server apply a grid alike."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed: no torch")
pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from kernels.reference.composite import relit  # noqa: E402
from kernels.reference.difference import lab  # noqa: E402
from training.relight import GRID, Relight, applied, to_linear  # noqa: E402
from training.relight_train import agreement, loss, to_lab  # noqa: E402

SHIPPED = Path(__file__).parents[2] / "model_repository/relight/1/model.onnx"


def test_an_untrained_network_changes_nothing():
    torch.manual_seed(0)
    with torch.no_grad():
        made = Relight()(torch.rand(2, 6, 64, 64), torch.randn(2, 27))
    assert made.shape == (2, 12, 64 // GRID, 64 // GRID)
    photo = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(applied(made, photo), photo)


def test_training_applies_a_grid_as_the_server_does():
    torch.manual_seed(1)
    grid, photo = torch.randn(1, 12, 5, 7), torch.rand(1, 3, 40, 56)
    expected = relit(photo[0].permute(1, 2, 0).numpy(), grid[0].permute(1, 2, 0).contiguous().numpy())
    # float32, and each finds the four neighbours in its own order
    np.testing.assert_allclose(applied(grid, photo)[0].permute(1, 2, 0).numpy(), expected, atol=1e-4)


def test_training_sees_colours_as_the_server_does():
    torch.manual_seed(2)
    linear = to_linear(torch.rand(1, 3, 16, 16)).clamp_min(1e-3)
    expected = lab(linear[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(to_lab(linear)[0].permute(1, 2, 0).numpy(), expected, atol=2e-2)


def test_the_loss_is_least_for_the_true_light_and_counts_only_the_piece():
    torch.manual_seed(3)
    seen = torch.rand(1, 6, 32, 32)
    truth = torch.cat([seen[:, :3], torch.zeros(1, 1, 32, 32)], 1)
    truth[:, 3, :, :16] = 1
    same = torch.eye(3, 4).reshape(1, 12, 1, 1).repeat(1, 1, 8, 8)
    right = loss(same, seen, truth)
    wrong = same.clone()
    wrong[:, :3] *= 0.7
    assert loss(wrong, seen, truth) > right + 1
    elsewhere = truth.clone()
    elsewhere[:, :3, :, 18:] = 0
    torch.testing.assert_close(loss(same, seen, elsewhere), right)


def test_agreement_is_one_for_scaled_and_negative_for_inverted_detail():
    torch.manual_seed(4)
    map_, everywhere = 50 * torch.rand(1, 1, 24, 24), torch.ones(1, 1, 24, 24)
    assert agreement(map_, 0.3 * map_ + 7, everywhere).item() == pytest.approx(1, abs=1e-3)
    assert agreement(map_, -map_, everywhere).item() == pytest.approx(-1, abs=1e-3)


def test_the_shipped_weights_are_a_checkpoint():
    pytest.importorskip("onnx", reason="the train extra is not installed: no onnx")
    network = Relight()
    assert network.load_onnx(SHIPPED) == sum(isinstance(m, torch.nn.Conv2d) for m in network.modules())
