"""The device's stages on the CPU: the kernels' twin in CuPy's place, as tests/kernels has it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from kernels import launch

_spec = importlib.util.spec_from_file_location(
    "twin_build", Path(__file__).parents[1] / "kernels" / "twin" / "build.py"
)
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("twin")


@pytest.fixture
def twin(built, monkeypatch):
    """Launchers run on NumPy arrays, by the same `.cu` files."""
    made = build.Twin(built, 0)
    monkeypatch.setattr(launch, "device", made)
    return made
