"""What a pair is made worse by before the network sees it."""

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from training.pairs import confused


def test_confused_metal_and_stone_trade_places_but_none_is_lost():
    rng = np.random.default_rng(3)
    answer = np.zeros((32, 32, 3), np.float32)
    answer[..., 0], answer[:, :16, 1], answer[:, 16:, 2] = 1, 1, 1
    traded = [confused(rng, answer) for _ in range(8)]
    for made in traded:
        np.testing.assert_allclose(made[..., 1] + made[..., 2], 1, atol=1e-6)
        np.testing.assert_array_equal(made[..., 0], 1)
        assert made[..., 1:].min() >= 0
    wrong = [float(made[:, :16, 2].mean()) for made in traded]
    assert min(wrong) < 0.5 < max(wrong)
