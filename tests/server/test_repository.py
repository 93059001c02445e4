"""The repository we ship keeps the contract, and one that does not is refused with every fault named."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from server.card import check_weights, read_card
from server.contract import ENSEMBLES, STAGES
from server.repository import check_repository, default_repository, pb, profiles


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(default_repository(), tmp_path / "repository")


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_ours_keeps_the_contract(profile):
    assert set(check_repository(default_repository(), profile)) == set(STAGES | ENSEMBLES)
    assert profiles(default_repository()) == {"cpu", "gpu"}


def test_the_gpu_profile_keeps_tensors_on_the_gpu():
    configs = check_repository(default_repository(), "gpu")
    for stage in STAGES:
        kinds = {pb.ModelInstanceGroup.Kind.Name(group.kind) for group in configs[stage].instance_group}
        assert kinds == {"KIND_GPU"}, stage
        assert configs[stage].parameters["FORCE_CPU_ONLY_INPUT_TENSORS"].string_value == "no", stage
    for network in ("locate", "segment"):
        assert configs[network].max_batch_size > 1
        assert configs[network].HasField("dynamic_batching")


def test_profiles_differ_in_nothing_that_a_caller_or_a_neighbour_sees():
    cpu, gpu = (check_repository(default_repository(), profile) for profile in ("cpu", "gpu"))
    for stage in STAGES:
        assert [(t.name, t.data_type, tuple(t.dims)) for t in cpu[stage].input] == [
            (t.name, t.data_type, tuple(t.dims)) for t in gpu[stage].input
        ]
        assert cpu[stage].output == gpu[stage].output
        levels = {configs[stage].dynamic_batching.priority_levels for configs in (cpu, gpu)}
        assert len(levels) == 1, stage


def test_the_containers_profile_differs_only_in_how_it_runs():
    """Its inputs and outputs are the contract's; the networks run in Triton's own TensorRT backend."""
    configs = check_repository(default_repository(), "ngc")
    native = {name for name, config in configs.items() if config.backend == "tensorrt"}
    assert native == {"locate", "segment"}
    assert {configs[name].backend for name in STAGES.keys() - native} == {"python"}
    assert all(group.kind == group.KIND_GPU for name in STAGES for group in configs[name].instance_group)
    for name in STAGES.keys() - native:
        assert configs[name].parameters["FORCE_CPU_ONLY_INPUT_TENSORS"].string_value == "no"


def replace(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_fault_is_named(copy):
    replace(copy / "refine/configs/cpu.pbtxt", '"coarse" data_type: TYPE_FP32', '"coarse" data_type: TYPE_FP16')
    replace(copy / "encode/configs/cpu.pbtxt", "max_batch_size: 1", "max_batch_size: 0")
    replace(copy / "relight/configs/cpu.pbtxt", 'name: "relight"', 'name: "other"')
    replace(copy / "decode/configs/cpu.pbtxt", "input [", "input {{")
    (copy / "cutout/config.pbtxt").unlink()
    with pytest.raises(ValueError, match="breaks the contract") as refusal:
        check_repository(copy, "cpu")
    lines = str(refusal.value).splitlines()[1:]
    for fault in (
        "input coarse FP32 [3, -1, -1] is missing",
        "input coarse FP16 [3, -1, -1] is not in the contract",
        "max_batch_size is 0",
        'name is "other"',
        "decode/configs/cpu.pbtxt",
        "cutout/config.pbtxt: missing",
    ):
        assert any(fault in line for line in lines), (fault, lines)


def test_exchanged_weights_are_refused(copy):
    network = copy / "segment/1/model.onnx"
    network.write_bytes(network.read_bytes() + b"x")
    with pytest.raises(ValueError, match="its card says"):
        check_repository(copy, "cpu")


def test_a_card_with_a_typo_is_refused(tmp_path):
    card = json.loads((default_repository() / "segment/1/model.json").read_text())
    card["sigmoidal"] = card.pop("sigmoid")
    path = tmp_path / "model.json"
    path.write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"model\.json: sigmoidal: unknown field"):
        read_card(path)


def test_missing_weights_are_named(tmp_path):
    card = read_card(default_repository() / "segment/1/model.json")
    with pytest.raises(ValueError, match="is not there"):
        check_weights(card, tmp_path)
    (tmp_path / card.file).write_bytes(b"")
    with pytest.raises(ValueError, match=hashlib.sha256(b"").hexdigest()[:12]):
        check_weights(card, tmp_path)
