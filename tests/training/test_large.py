"""The high-resolution set: its answers explain its photos."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the server extra is not installed: no OpenCV")

from kernels.reference.srgb import linear_to_srgb, srgb_to_linear
from training import dataset, large, shade
from training.piece import Material
from training.records import RECORD, SKY

SIZE = 64
GOLD = Material("metal", (1.0, 0.7, 0.3), 0.03)


def traced(slot):
    """A square of gold that mirrors the sky, its upper edge half covered."""
    y, x = np.mgrid[31:90, 40:90]
    record = np.zeros(y.size, RECORD)
    record["index"], record["facing"], record["end"] = (y * 2 * SIZE + x).ravel(), 255, SKY
    record["normal"] = (0, 0, 127)
    shadow = np.full((3, 16, 16), 255, np.uint8)
    return shade.Traced(record, shadow, (GOLD,), (slot,), np.array([[0, 0, 1.0], [0, 0, 1.0]]), SIZE)


@pytest.fixture
def studio(monkeypatch):
    """A uniform sky that lights the ground as bright as itself; a plain ground."""
    levels = tuple(np.full((shade.SIDE >> k, shade.SIDE >> k, 3), 0.5, np.float32) for k in range(4))
    share = np.zeros((3, 3), np.float32)
    share[0] = 0.5
    around = shade.Surroundings(levels, np.full((shade.COARSE, shade.COARSE, 3), 0.5, np.float32), share)
    monkeypatch.setattr(shade, "surroundings", lambda rng, lamps: around)
    monkeypatch.setattr(dataset, "backdrop", lambda rng, size: np.full((size, size, 3), (40, 90, 160), np.uint8))


def test_the_photo_is_the_foreground_over_the_background(studio):
    made = large.develop(np.random.default_rng(1), traced("metal"))
    alpha = made.alpha[..., None]
    front, behind = srgb_to_linear(made.foreground), srgb_to_linear(made.background)
    expected = linear_to_srgb(behind + alpha * (front - behind)).astype(int)
    error = made.photo - expected
    assert np.abs(error.mean((0, 1))).max() < 0.3
    assert error.std() == pytest.approx(large.GRAIN, abs=0.2)  # nothing but the grain
    assert set(np.unique(made.alpha[20:40, 25:40])) == {1.0}
    assert 0.3 < made.alpha[15, 30] < 0.7
    # The soft edge has the piece's own colour, and none of the ground's.
    inner = made.foreground[25:40, 25:40].reshape(-1, 3).astype(int)
    assert np.ptp(inner, axis=0).max() <= 1
    np.testing.assert_allclose(made.foreground[15, 30], inner[0], atol=2)


def test_a_prop_is_refused(studio):
    with pytest.raises(ValueError, match="prop"):
        large.develop(np.random.default_rng(1), traced("prop"))
