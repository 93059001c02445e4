from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels import backdrop as device_backdrop
from kernels import filament as kernel
from kernels.reference.backdrop import Backdrop, backdrop
from kernels.reference.filament import filament, ridges

SIZE = 200


def scene(width: int, angle: float = 0, contrast: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A block and a wire that hangs on it: pixels, the alpha of both, the alpha of the block alone."""
    block = np.zeros((SIZE, SIZE), np.uint8)
    block[60:140, 20:60] = 255
    both = block.copy()
    end = 100 + 100 * np.array([np.cos(angle), np.sin(angle)])
    cv2.line(both, (50, 100), (int(end[0]) - 20, int(end[1])), 255, width)
    pixels = np.where(both[..., None] > 0, 100 + contrast, 100).repeat(3, 2).astype(np.uint8)
    return pixels, both / np.float32(255), block / np.float32(255)


def restored(pixels, alpha, hint, unknown):
    return filament(alpha, backdrop(pixels, np.where(unknown > 0, 0, 255).astype(np.uint8)), hint)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("angle", [0.0, 0.5, -0.8])
def test_a_wire_with_a_hint_comes_back(width, angle):
    pixels, truth, alpha = scene(width, angle)
    hint = np.rint(cv2.dilate(truth, np.ones((5, 5))) * 30).astype(np.uint8)  # the network's pixels are larger
    out, count = restored(pixels, alpha, hint, truth)
    wire = (truth > 0) & (alpha == 0)
    assert out[wire].mean() > 0.95
    assert (out[truth == 0] == 0).all()
    assert count == pytest.approx(wire.sum(), rel=0.05)


def test_without_a_hint_nothing_is_invented():
    pixels, truth, alpha = scene(3)
    out, count = restored(pixels, alpha, np.zeros((SIZE, SIZE), np.uint8), truth)
    np.testing.assert_array_equal(out, alpha)
    assert count == 0


def test_a_wire_that_hangs_on_nothing_stays_away():
    pixels, truth, alpha = scene(3)
    pixels[:, 60:90] = 100
    out, _ = restored(pixels, alpha, np.full((SIZE, SIZE), 30, np.uint8), truth)
    np.testing.assert_array_equal(out, alpha)


def test_alpha_never_becomes_less(rng):
    alpha = rng.random((40, 50), dtype=np.float32)
    planes = [rng.integers(0, 256, (40, 50), dtype=np.uint8) for _ in range(3)]
    out, _ = filament(alpha, Backdrop(*planes, np.zeros((5, 7), np.float32)), planes[0])
    assert (out >= alpha).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 3)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_tiny_pictures(size, value):
    alpha = np.full(size, value, np.float32)
    pixels = np.zeros((*size, 3), np.uint8)
    out, _ = restored(pixels, alpha, np.full(size, 255, np.uint8), alpha)
    np.testing.assert_array_equal(out, alpha)


def test_a_step_is_no_ridge_and_a_line_is():
    step = np.zeros((40, 40), np.uint8)
    step[:, 20:] = 200
    assert not ridges(step)[5:35, 5:35].any()
    line = np.zeros((40, 40), np.uint8)
    line[:, 19:22] = 200
    assert (ridges(line)[5:35, 20] == 200).all()
    assert not ridges(line)[:, :16].any()


def test_kernels_match_reference(rng, batch, twin):
    """The same photos through backdrop and filament: the same wires; alpha differs where the backdrop's bytes do."""
    hosts = [scene(w, angle) for w, angle in ((2, 0.0), (5, 0.5), (3, -0.8))]
    hints = [np.rint(cv2.dilate(truth, np.ones((5, 5))) * 30).astype(np.uint8) for _, truth, _ in hosts]
    unknown = [np.where(truth > 0, 0, 255).astype(np.uint8) for _, truth, _ in hosts]
    noisy = [np.clip(p + rng.normal(0, 3, p.shape), 0, 255).astype(np.uint8) for p, _, _ in hosts]
    cut = [np.ascontiguousarray(plane[:, : SIZE - 3]) for plane in (noisy[1], hints[1], unknown[1], hosts[1][2])]
    noisy[1], hints[1], unknown[1] = cut[:3]
    alphas = [hosts[0][2], cut[3], hosts[2][2]]
    pixels, photos = batch(noisy)
    background, hint, alpha = (batch(planes)[0] for planes in (unknown, hints, alphas))
    behind = device_backdrop.backdrop(pixels, background, photos)
    out, restored = kernel.filament(alpha, behind, hint)
    for k, got in enumerate(photos.split(out)):
        expected, count = filament(alphas[k], backdrop(noisy[k], unknown[k]), hints[k])
        # one of 80 levels of the wire's contrast, here and at its highest; at a ridge's end a pixel may fall either way
        assert (np.abs(got - expected) > 0.1).mean() < 1e-3
        assert restored[k] == pytest.approx(count, rel=0.02)
        assert count > 100


def test_ridge_kernel_is_the_reference_exactly(rng, batch, twin):
    planes = [rng.integers(0, 256, size, dtype=np.uint8) for size in [(1, 1), (40, 70), (3, 100), (33, 9)]]
    plain, photos = batch(planes)
    behind = device_backdrop.Backdrop(photos, photos, plain, plain, plain, plain)
    for got, one in zip(photos.split(kernel.ridges(behind)), planes, strict=True):
        np.testing.assert_array_equal(got, ridges(one))
