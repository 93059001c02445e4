"""crop: the window's pixels reach the network, and what it answers finds its way back to the same pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels.reference.letterbox import letterbox
from server.card import Card
from server.contract import Look
from server.report import Report
from server.stages.crop import Cropper
from server.stages.refine import refine

SIZE, OVERVIEW = 256, 128
DEFAULT = np.frombuffer(Look().to_bytes(), np.uint8)
CARD = Card.model_validate(
    {
        "name": "any",
        "version": "1",
        "file": "any.onnx",
        "sha256": "00",
        "licence": "none",
        "input": {"name": "x", "size": SIZE, "overview": OVERVIEW, "mean": [0, 0, 0], "scale": [1, 1, 1]},
        "alpha": {"output": "y", "channel": 0},
    }
)


def begun() -> np.ndarray:
    report = Report.begin()
    with report.stage("decode"):
        pass
    return report.write()


def disc(height: int, width: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    """A white disc on black; a network that answers what it sees has it exactly right."""
    y, x = np.mgrid[0:height, 0:width]
    coverage = np.clip(radius + 0.5 - np.hypot(x - centre[0], y - centre[1]), 0, 1)
    return np.rint(coverage[..., None].repeat(3, 2) * 255).astype(np.uint8)


def located(pixels: np.ndarray) -> dict[str, np.ndarray]:
    return Cropper(CARD)(pixels, letterbox(pixels, OVERVIEW, (0, 0, 0), (1, 1, 1)), begun())


@pytest.mark.parametrize(("height", "width"), [(1200, 1600), (1601, 997), (2000, 2000), (300, 2800), (2800, 300)])
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.13, 0.81), (0.9, 0.3)])
def test_a_disc_comes_back_where_it_was(height, width, at):
    centre = at[0] * width, at[1] * height
    radius = min(height, width) / 12
    pixels = disc(height, width, centre, radius)
    found = located(pixels)
    assert found["window"].dtype == np.int32
    assert max(found["window"][2:]) < 0.5 * max(height, width)
    alpha = refine(pixels, found["window"], found["net_input"], DEFAULT, begun())["alpha"]
    m = cv2.moments(alpha)
    # A quarter of a pixel: what the rounding of the letterbox's shorter side may move the middle by.
    assert m["m10"] / m["m00"] == pytest.approx(centre[0], abs=0.25)
    assert m["m01"] / m["m00"] == pytest.approx(centre[1], abs=0.25)
    edge = np.abs(alpha - pixels[..., 0] / np.float32(255)) > 0.5
    assert edge.sum() < 2 * np.pi * radius  # less than a pixel along the circle


def test_the_report_names_the_window_and_the_tensor_holds_it():
    found = located(disc(1200, 1600, (400, 300), 80))
    window = Report.read(found["report"]).facts["window"]
    assert found["window"].tolist() == [window[key] for key in ("left", "top", "width", "height")]
    assert window["left"] < 320
    assert window["left"] + window["width"] > 480
    assert found["net_input"].shape == (3, SIZE, SIZE)


def test_the_padding_of_the_overview_is_no_part_of_the_photo():
    """A network may see things in the black below a landscape; there is no photo there."""
    pixels = np.zeros((300, 1600, 3), np.uint8)
    coarse = np.zeros((3, OVERVIEW, OVERVIEW), np.float32)
    coarse[0, 60:80, 40:60] = 1
    found = Cropper(CARD)(pixels, coarse, begun())
    assert found["window"].tolist() == [0, 0, 1600, 300]
    assert Report.read(found["report"]).facts["window"] is None


def test_the_whole_photo_is_seen_as_ever():
    pixels = disc(200, 220, (100, 100), 80)
    found = located(pixels)
    assert found["window"].tolist() == [0, 0, 220, 200]
    np.testing.assert_array_equal(found["net_input"], letterbox(pixels, SIZE, (0, 0, 0), (1, 1, 1)))


@pytest.mark.parametrize(("side", "shown"), [(1.45, SIZE), (1.5, 2 * SIZE), (8, 2 * SIZE)])
def test_a_window_of_many_pixels_is_shown_larger(side, shown):
    """All of a photo that is filled by its piece."""
    card = CARD.model_copy(update={"input": CARD.input.model_copy(update={"large": 2 * SIZE})})
    pixels = np.full((int(side * SIZE), int(side * SIZE) - 8, 3), 255, np.uint8)
    coarse = np.ones((3, OVERVIEW, OVERVIEW), np.float32)
    assert Cropper(card)(pixels, coarse, begun())["net_input"].shape == (3, shown, shown)
