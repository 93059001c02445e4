"""What the figures of a relit pair say of pictures whose answer is known."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra is not installed: no torch")
pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from kernels.reference.srgb import srgb_to_linear
from training.relight_measure import figures, over_white


@pytest.fixture
def photo():
    """A photo [64, 64, 3] and its answer: a ring of metal 6 px wide that ends softly on a dark ground."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[-32:32, -32:32]
    alpha = (3.5 - np.abs(np.hypot(x, y) - 20)).clip(0, 1)
    answer = np.round(255 * alpha[..., None] * np.array([1, 1, 0])).astype(np.uint8)
    return np.round(rng.uniform(20, 235, (64, 64, 1)) * np.ones(3)).astype(np.uint8), answer


def over(photo, answer):
    """The photo's own pixels over white."""
    return over_white(srgb_to_linear(photo), answer[..., 0].astype(np.float32) / 255)


def test_an_untouched_piece_keeps_all_of_its_detail(photo):
    """Its edge lies over white now, which is no detail of it."""
    picture = over(*photo)
    found = figures(picture, picture, *photo)
    assert found["piece"] == 0
    assert found["detail"] == pytest.approx(1, abs=1e-4)


def test_inverted_detail_is_none_of_it(photo):
    shown, answer = photo
    assert figures(over(255 - shown, answer), shown, shown, answer)["detail"] < -0.8


def test_metal_that_is_all_edge_tells_nothing_of_detail(photo):
    shown, answer = photo
    thin = np.zeros_like(answer)
    thin[30:32, :, :2] = 255
    assert "detail" not in figures(over(shown, thin), shown, shown, thin)
