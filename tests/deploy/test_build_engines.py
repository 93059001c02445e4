"""The container's plans, built by TensorRT-RTX, which has TensorRT's interface and needs no GPU to build."""

from __future__ import annotations

import importlib.util
import re
import sys

import pytest
import tensorrt_rtx_bindings as trt

from server.card import read_card
from server.repository import config_path, default_repository, read_config

REPOSITORY = default_repository()
CARD = read_card(REPOSITORY / "segment" / "1" / "model.json")


@pytest.fixture(scope="module")
def engines(root):
    spec = importlib.util.spec_from_file_location("build_engines", root / "deploy" / "build_engines.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("number", [0, 1], ids=["locate", "segment"])
def test_the_graph_has_the_tensors_that_its_configuration_names(engines, number):
    """By name; and its sizes are still free (-1), as the configuration says, until the plan's profile fixes them."""
    plan = engines.plans(CARD)[number]
    config = read_config(config_path(REPOSITORY, plan.stage, "ngc"))
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = engines.parsed(trt, builder, REPOSITORY / "segment" / "1" / CARD.file, plan)
    assert (network.num_inputs, network.num_outputs) == (1, 1)
    for tensor, told in ((network.get_input(0), config.input[0]), (network.get_output(0), config.output[0])):
        assert tensor.name == told.name
        assert tuple(tensor.shape)[1:] == tuple(told.dims)


@pytest.mark.slow
def test_a_plan_is_built_for_every_batch(engines):
    plan = engines.plans(CARD)[1]
    weights = REPOSITORY / "segment" / "1" / CARD.file
    assert len(engines.build(trt, weights, plan, 16)) > 0.9 * weights.stat().st_size


def test_a_network_that_needs_more_than_a_graph_is_refused(engines):
    with pytest.raises(ValueError, match="gpu profile"):
        engines.plans(CARD.model_copy(update={"sigmoid": True}))
    with pytest.raises(ValueError, match="gpu profile"):
        engines.plans(CARD.model_copy(update={"metal": None}))


def test_a_graph_without_the_cards_tensors_is_refused(engines):
    plan = engines.Plan("segment", "net_input", "nonsense", CARD.input.size, CARD.input.size)
    with pytest.raises(ValueError, match="no output nonsense"):
        engines.build(trt, REPOSITORY / "segment" / "1" / CARD.file, plan, 4)


def test_the_image_copies_what_the_package_is_made_of(root):
    """Docker is not here to try: at least every folder that the wheel is built from is in the image."""
    text = (root / "deploy" / "Dockerfile").read_text()
    packages = re.search(r"packages = \[(.*)\]", (root / "pyproject.toml").read_text())[1]
    for folder in (*re.findall('"(\\w+)"', packages), "model_repository", "deploy"):
        assert f"COPY {folder} {folder}\n" in text
