"""Crops are what the network meets: the whole at half its size, and its middle at its own."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed: no torch")
cv2 = pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from PIL import Image  # noqa: E402

from training import assets, loop  # noqa: E402
from training.network import Segment  # noqa: E402
from training.train import Crops, Plan, train  # noqa: E402

SHIPPED = Path(__file__).parents[2] / "model_repository/segment/1/model.onnx"
NEEDS_ASSETS = pytest.mark.skipif(
    not assets.ASSETS.exists(), reason="training/.assets is not fetched: no grounds to lay pieces on"
)


@pytest.fixture
def renders(tmp_path):
    """A path traced photo of a red disc, and its answer."""
    photo, answer = np.full((128, 128, 3), 90, np.uint8), np.zeros((128, 128, 3), np.uint8)
    cv2.circle(photo, (64, 64), 40, (220, 30, 30), -1)
    cv2.circle(answer, (64, 64), 40, (255, 255, 0), -1)
    Image.fromarray(photo).save(tmp_path / "0000001.photo.jpg", quality=95)
    Image.fromarray(answer).save(tmp_path / "0000001.answer.png")
    (tmp_path / "0000001.json").write_text(json.dumps({"family": "disc"}))
    return tmp_path


@NEEDS_ASSETS
def test_the_part_is_the_middle_of_the_whole(renders):
    crops = iter(Crops(renders, 64, (3,)))
    covered = 0
    for _ in range(8):
        image, answer, weight = (each.numpy() for each in next(crops))
        assert image.shape == answer.shape == (2, 3, 64, 64)
        assert weight.shape == (2, 1, 64, 64)
        assert weight.min() >= 16
        covered += int(answer[1].any())
        for whole, part in (image, answer):
            halved = cv2.resize(part.transpose(1, 2, 0), (32, 32), interpolation=cv2.INTER_AREA)
            middle = whole[:, 16:48, 16:48].transpose(1, 2, 0)
            assert np.abs(halved.astype(int) - middle).max() <= 1
    assert covered


@NEEDS_ASSETS
def test_a_run_teaches_every_layer_that_learns_and_leaves_the_others(renders, tmp_path, monkeypatch):
    """The encoder's first layers and its depthwise ones keep their weights; the decoder learns faster than the rest."""
    pytest.importorskip("onnx", reason="the train extra is not installed: no onnx")
    monkeypatch.setattr(loop, "RUNS", tmp_path / "runs")
    train(Plan("one", renders, SHIPPED, 0.01, 64, 2, 1e-3, 1, 1, 1))
    kept = torch.load(tmp_path / "runs/one/last.pt", weights_only=True)
    network = Segment()
    network.load_onnx(SHIPPED)
    moved = {name: float((kept["network"][name] - old).abs().mean()) for name, old in network.state_dict().items()}
    fixed = tuple(f"encoder.{name}." for name in ("stem", *(f"blocks.{k}" for k in range(network.encoder.fixed))))
    learns = {name for name, p in network.named_parameters() if p.requires_grad and not name.startswith(fixed)}
    assert {name for name in moved if moved[name] > 0} == learns
    encoder = [moved[name] for name in learns if name.startswith("encoder.") and name.endswith("weight")]
    decoder = [moved[name] for name in learns if not name.startswith("encoder.") and name.endswith("weight")]
    assert np.median(encoder) < 0.6 * np.median(decoder)
