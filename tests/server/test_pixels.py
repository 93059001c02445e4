"""The device's stages beside the host's: the same stage functions, the kernels' twin in CuPy's place."""

from __future__ import annotations

import base64
from dataclasses import replace

import cv2
import numpy as np
import pytest

from kernels import launch
from server.card import Card, RelightCard, read_card
from server.contract import Look
from server.engines import on_cpu
from server.networks import RelightNetwork
from server.pixels import DEVICE, HOST
from server.report import Report
from server.repository import default_repository
from server.stages.composite import composite
from server.stages.crop import Cropper
from server.stages.refine import refine
from server.stages.relight import Relighter

TABLES = 65_536
"""Bytes of tables that a photo may cost, at most: a thirtieth of what the smallest of its pictures would."""


def wire(look: Look) -> np.ndarray:
    return np.frombuffer(look.to_bytes(), np.uint8)


def begun() -> np.ndarray:
    report = Report.begin()
    with report.stage("decode"):
        pass
    return report.write()


def facts(found: dict) -> dict:
    """What a stage's report says, but for the time."""
    return {key: value for key, value in Report.read(found["report"]).facts.items() if key not in ("trace", "device")}


@pytest.fixture
def carried():
    """Return a function: the bytes carried since the last call."""
    last = [replace(launch.copies)]

    def since():
        gone = launch.copies - last[0]
        last[0] = replace(launch.copies)
        return gone

    return since


def ring(size: int) -> np.ndarray:
    y, x = np.mgrid[0 : 8 * size, 0 : 8 * size] / (8 * size)
    distance = np.hypot(y - 0.45, x - 0.5)
    return cv2.resize(
        ((distance < 0.3) & (distance > 0.2)).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA
    )


def photo_of(alpha: np.ndarray, rng) -> np.ndarray:
    gold, table = np.float32([212, 175, 55]), np.float32([90, 110, 140])
    clean = alpha[..., None] * gold + (1 - alpha[..., None]) * table
    return np.rint(clean + rng.normal(0, 2, clean.shape)).clip(0, 255).astype(np.uint8)


def scene(size: int) -> bytes:
    ok, code = cv2.imencode(".png", np.tile(np.arange(size, dtype=np.uint8)[:, None, None], (1, size, 3)))
    assert ok
    return base64.b64encode(code.tobytes())


@pytest.mark.parametrize(
    "look",
    [
        Look(size=150),
        Look(size=150, shadow=0.7, background="#204060"),
        Look(size=None),
        Look(size=(400, 300), upscale=True),
        Look(size=120, background="transparent", format="png"),
        Look(size=120, scene=scene(200)),
    ],
    ids=["white", "shadow", "own framing", "enlarged", "transparent", "scene"],
)
def test_composite_is_the_hosts(twin, rng, carried, look):
    alpha = ring(240)
    photo = photo_of(alpha, rng)
    light = (np.eye(3, 4).ravel() + rng.normal(0, 0.03, (8, 8, 12))).astype(np.float32)
    place = np.int32([20, 10, 200, 200])
    expected = composite(alpha, photo, light, place, wire(look), begun(), HOST)
    assert carried() == launch.Copies()
    found = composite(alpha, photo, light, place, wire(look), begun(), DEVICE)
    # The table of the encoding has 65,536 steps: a sum in another order may fall on its neighbour, near black two.
    difference = np.abs(found["picture"].astype(int) - expected["picture"])
    covered = expected["picture"][..., -1:] > 8 if look.background == "transparent" else True
    assert (difference * covered).max() <= 3
    assert difference.mean() < 0.05
    assert facts(found) == facts(expected)
    spent, ground = carried(), found["picture"].nbytes if look.scene else 0
    assert (spent.host_to_device, spent.device_to_host) == (ground, 0)
    assert 0 < spent.tables < TABLES
    assert Report.read(found["report"]).facts["device"] == {"host_to_device": ground, "device_to_host": 0}


CARD = Card.model_validate(
    {
        "name": "any",
        "version": "1",
        "file": "any.onnx",
        "sha256": "00",
        "licence": "none",
        "input": {"name": "x", "size": 64, "overview": 32, "mean": [0.5, 0.4, 0.3], "scale": [0.5, 0.4, 0.3]},
        "alpha": {"output": "y", "channel": 0},
    }
)


@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (40, 40)])
@pytest.mark.parametrize("piece", [(4, 5, 9, 8), (0, 0, 20, 20), None], ids=["small", "large", "none"])
def test_crop_is_the_hosts(twin, rng, carried, shape, piece):
    photo = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    coarse = np.zeros((3, 32, 32), np.float32)
    if piece:
        left, top, right, bottom = piece
        coarse[0, top:bottom, left:right] = 0.9
    expected = Cropper(CARD, HOST)(photo, coarse, begun())
    assert carried() == launch.Copies()
    found = Cropper(CARD, DEVICE)(photo, coarse, begun())
    np.testing.assert_array_equal(found["window"], expected["window"])
    assert facts(found) == facts(expected)
    # a byte may round to its neighbour: 1/255 of a scale of 0.3
    np.testing.assert_allclose(found["net_input"], expected["net_input"], atol=1.01 / 255 / 0.3)
    spent = carried()
    assert (spent.host_to_device, spent.device_to_host) == (0, 0)
    assert 0 < spent.tables < TABLES


def coarse_of(alpha: np.ndarray, size: int) -> np.ndarray:
    small = cv2.resize(alpha, (size, size), interpolation=cv2.INTER_AREA)
    stone = small * (np.arange(size) > 0.6 * size)
    return np.stack([small, small - stone, stone]).astype(np.float32)


@pytest.mark.parametrize("window", [(0, 0, 240, 240), (50, 20, 240, 240)], ids=["whole", "window"])
def test_refine_is_the_hosts(twin, rng, carried, window):
    left, top, width, height = window
    alpha = np.zeros((height + top, width + left), np.float32)
    alpha[top:, left:] = ring(240)
    photo = photo_of(alpha, rng)
    coarse, look = coarse_of(ring(240), 80), wire(Look(decontaminate=0.8))
    expected = refine(photo, np.int32(window), coarse, look, begun(), HOST)
    assert carried() == launch.Copies()
    found = refine(photo, np.int32(window), coarse, look, begun(), DEVICE)
    for answer in (found, expected):
        answer["cutout"] = answer["cutout"]()
    for name in ("alpha", "foreground", "cutout"):
        assert (found[name].shape, found[name].dtype) == (expected[name].shape, expected[name].dtype)
    # Edges of one pixel are decided by bytes that may round to a neighbour: few pixels, and those by little on average
    difference = np.abs(found["alpha"] - expected["alpha"])
    assert difference.mean() < 5e-4
    assert (difference > 0.1).mean() < 2e-3
    assert np.abs(found["foreground"].astype(int) - expected["foreground"]).mean() < 0.5
    np.testing.assert_array_equal(found["cutout"][..., :3], found["foreground"])
    mine, theirs = facts(found)["qa"], facts(expected)["qa"]
    assert mine["coverage"] == pytest.approx(theirs["coverage"], abs=1e-3)
    assert np.abs(np.subtract(mine["bounds"], theirs["bounds"])).max() <= 1
    for name in ("parts", "touches"):
        assert mine[name] == theirs[name]
    assert mine["openings"]["count"] == theirs["openings"]["count"] == 1
    assert facts(found)["reasons"] == facts(expected)["reasons"] == []
    spent = carried()
    assert (spent.host_to_device, spent.device_to_host) == (0, 0)
    assert 0 < spent.tables < TABLES


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_relight_is_the_hosts(twin, rng, carried, strength):
    folder = default_repository() / "relight" / "1"
    network = RelightNetwork(read_card(folder / "model.json", RelightCard), folder, on_cpu(1))
    alpha = ring(240)
    photo, coarse, window = photo_of(alpha, rng), coarse_of(alpha, 80), np.int32([0, 0, 240, 240])
    look = wire(Look(relight=strength, relight_stone=0.5))
    given = (photo, alpha, window, coarse, look)
    expected = Relighter(network, HOST)(*given, begun())
    assert carried() == launch.Copies()
    found = Relighter(network, DEVICE)(*given, begun())
    np.testing.assert_array_equal(found["place"], expected["place"])
    # bytes that round to a neighbour, through a network of bfloat16
    np.testing.assert_allclose(found["light"], expected["light"], atol=0.02)
    mine, theirs = facts(found), facts(expected)
    if strength:
        assert mine["engines"]["relight"].startswith("OpenVINO")
        for name, near in (("mean", 0.1), ("p95", 0.2), ("detail", 0.02)):
            assert mine["relight"].pop(name) == pytest.approx(theirs["relight"].pop(name), abs=near)
    assert mine == theirs
    spent = carried()
    assert (spent.host_to_device, spent.device_to_host) == (0, 0)
    assert 0 < spent.tables < TABLES
