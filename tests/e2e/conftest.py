"""The real server: `milgrain serve` as a process of its own, started once for all tests that leave it alive."""

import io

import pytest
from PIL import Image

from clients.client import Client
from perf.running import running

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")


@pytest.fixture(scope="session")
def server():
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def client(server):
    with Client(server.grpc) as client:
        yield client


@pytest.fixture(scope="session")
def canary(root):
    """A photo small enough to be quick, with one whole piece in it."""
    with Image.open(root / "server" / "canary.jpg") as photo:
        return photo.convert("RGB").resize((360, 360))


@pytest.fixture(scope="session")
def photos(canary):
    """Good photos by name, one of each file format, all of different sizes."""
    files = {}
    for number, name in enumerate(FORMATS):
        out = io.BytesIO()
        canary.resize((360 - 30 * number, 360 - 20 * number)).save(out, name)
        files[f"good.{name.lower()}"] = out.getvalue()
    return files
