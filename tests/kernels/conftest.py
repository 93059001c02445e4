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


def pytest_addoption(parser):
    parser.addoption("--sanitize", action="store_true", help="build the kernels' twins with AddressSanitizer")


class Gpu(launch.Cupy):
    """The kernels on the GPU for the same tests: what they are given is carried there and back."""

    def allocate(self, count):
        return np.full(count, 0xAB, np.uint8)

    def upload(self, array):
        return array.copy()

    def download(self, array):
        return array.copy()

    def function(self, file, name):
        import cupy as cp

        kernel = super().function(file, name)

        def call(grid, block, arguments):
            # Each array in an allocation of its own size: within CuPy's pool compute-sanitizer sees no overrun.
            with cp.cuda.using_allocator(None):
                carried = [cp.asarray(value) if isinstance(value, np.ndarray) else value for value in arguments]
            kernel(grid, block, tuple(carried))
            for host, there in zip(arguments, carried, strict=True):
                if isinstance(host, np.ndarray):
                    host[...] = cp.asnumpy(there)

        return call


ORDERS = [0, 1, 77, pytest.param(None, marks=pytest.mark.gpu)]


@pytest.fixture(params=ORDERS, ids=["forward", "backward", "shuffled", "gpu"])
def twin(request, built, monkeypatch):
    """Launchers run on NumPy arrays, by the same `.cu` files, the threads in three orders; and on a GPU."""
    sanitize = request.config.getoption("--sanitize", default=False)
    made = Gpu() if request.param is None else build.Twin(built, request.param, sanitize)
    monkeypatch.setattr(launch, "device", made)
    return made


@pytest.fixture
def own_twin(built, tmp_path):
    """Return a function that builds a twin of a kernel's source."""

    def make(source, order, sanitize=False):
        (tmp_path / "own.cu").write_text(source)
        return build.Twin(built, order, sanitize, tmp_path)

    return make


@pytest.fixture
def batch(rng):
    """Return a function that packs pictures [H, W, ...] of different sizes, and their extents."""

    def pack(pictures):
        sizes = tuple(picture.shape[:2] for picture in pictures)
        packed = np.concatenate([picture.reshape(-1, *picture.shape[2:]) for picture in pictures])
        return np.ascontiguousarray(packed), launch.Extents(sizes)

    return pack
