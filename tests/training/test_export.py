"""What is exported holds what was trained, and the share of the network before that it was told to keep."""

import pytest

pytest.importorskip("torch", reason="the train extra is not installed: no PyTorch")
pytest.importorskip("onnx", reason="the train extra is not installed: no ONNX")

import torch

from training.export import DEEP, keep, write_onnx
from training.network import Segment


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_share_of_the_network_before_is_kept_and_another_of_its_deep_layers(tmp_path):
    torch.manual_seed(0)
    before, trained = Segment().eval(), Segment().eval()
    for parameter in before.parameters():  # equal ones would be written once
        torch.nn.init.normal_(parameter, std=0.1)
    write_onnx(before, 128, tmp_path / "before.onnx")
    old, new = before.state_dict(), {name: value.clone() for name, value in trained.state_dict().items()}
    keep(trained, 0.25, 1.0, tmp_path / "before.onnx")
    mixed = trained.state_dict()
    assert any(name.startswith(DEEP) for name in mixed)
    for name in (name for name in mixed if "weight" in name and not torch.equal(old[name], new[name])):
        want = old[name] if name.startswith(DEEP) else 0.75 * new[name] + 0.25 * old[name]
        torch.testing.assert_close(mixed[name], want, atol=1e-6, rtol=0, msg=name)
