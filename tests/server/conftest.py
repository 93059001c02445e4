"""The kernels' twin in CuPy's place, as tests/kernels has it; a picture that is hard to encode, and JPEG decoders."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

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


@pytest.fixture
def jewel(rng):
    def made(background, shape=(203, 301)) -> np.ndarray:
        """Noise, the worst case for ringing, in a disc with a hole, on one colour; sides are no multiples of 8."""
        y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
        distance = np.hypot(y - shape[0] / 2, x - shape[1] / 2)
        picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        picture[(distance > 80) | (distance < 30)] = background
        return picture

    return made


@pytest.fixture(scope="session")
def decoders():
    """JPEG bytes to [h, w, 3] uint8 RGB, by library."""
    return {
        "pillow": lambda data: np.asarray(Image.open(io.BytesIO(data)).convert("RGB")),
        "opencv": lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1],
        "simplejpeg": lambda data: simplejpeg.decode_jpeg(data, "RGB"),
    }
