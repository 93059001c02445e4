"""The container's plans, built by TensorRT-RTX, which has TensorRT's interface and needs no GPU to build."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
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


@pytest.fixture
def entrypoint(root, tmp_path, monkeypatch):
    """Start the image's entry point as process 1 of its own, with that for its two programs; return its process."""
    started = []

    def start(python3: str, milgrain: str) -> subprocess.Popen[str]:
        for name, script in (("python3", python3), ("milgrain", milgrain)):
            (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        text = (root / "deploy" / "Dockerfile").read_text()
        command = json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", text, re.M)[1])
        started.append(
            subprocess.Popen(
                ["unshare", "--pid", "--fork", "--kill-child", *command, "--http-port", "8000"],
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode:
        pytest.skip("a process 1 of one's own needs the right to make PID namespaces")
    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_container_ends_at_once_while_its_plans_are_built(entrypoint):
    """`docker stop` during the build: not ten seconds, SIGKILL and half a plan."""
    process = entrypoint("echo building; exec sleep 60", "echo served")
    assert process.stdout.readline() == "building\n"
    began = time.monotonic()
    (first,) = psutil.Process(process.pid).children()  # process 1 inside
    first.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 5
    assert process.stdout.read() == ""


@pytest.mark.parametrize(("built", "code"), [("true", 7), ("exit 3", 3)])
def test_the_container_serves_what_was_built_and_nothing_else(entrypoint, built, code):
    """As process 1, so that the signals are the server's; its exit code is the container's."""
    process = entrypoint(built, 'echo "$$ $*"; exit 7')
    out, _ = process.communicate(timeout=20)
    assert process.returncode == code
    served = "1 serve --profile ngc --repository model_repository --host 0.0.0.0 --http-port 8000\n"
    assert out == (served if built == "true" else "")
