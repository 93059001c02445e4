"""The kernels on the CPU: the launchers, with the twin in CuPy's place."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from kernels import launch

FOLDER = Path(__file__).parent / "twin"
_spec = importlib.util.spec_from_file_location("twin_build", FOLDER / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("twin")


@pytest.fixture(params=[0, 1, 77], ids=["forward", "backward", "shuffled"])
def twin(request, built, monkeypatch):
    """Launchers run on NumPy arrays, by the same `.cu` files, with the threads in three orders."""
    made = build.Twin(built, request.param)
    monkeypatch.setattr(launch, "device", made)
    return made


@pytest.fixture
def batch(rng):
    """Return a function that packs pictures [H, W, ...] of different sizes, and their extents."""

    def pack(pictures):
        sizes = tuple(picture.shape[:2] for picture in pictures)
        packed = np.concatenate([picture.reshape(-1, *picture.shape[2:]) for picture in pictures])
        return np.ascontiguousarray(packed), launch.Extents(sizes)

    return pack
