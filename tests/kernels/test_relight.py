from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from kernels import launch
from kernels import relight as kernel
from kernels.reference.change import change
from kernels.reference.relight import IDENTITY, followed, sampled, seen, unmixed
from kernels.reference.window import Window

CASES = [  # photo, maps, the window that these show, the square that is shown
    ((90, 120), (40, 50), Window(10, 5, 100, 80), Window(20, 10, 60, 60)),  # shrinks, inside
    ((50, 40), (32, 26), Window(0, 0, 40, 50), Window(-10, -4, 70, 70)),  # reaches beyond the photo
    ((30, 30), (16, 16), Window(4, 4, 20, 20), Window(8, 8, 12, 12)),  # enlarged
    ((80, 80), (20, 20), Window(0, 0, 80, 80), Window(8, 8, 64, 64)),  # by a whole number
]
SIDE = 24


def soft(rng, shape) -> np.ndarray:
    return cv2.GaussianBlur(rng.random(shape, dtype=np.float32), (0, 0), 2)


def test_seen_matches_reference(rng, batch, twin):
    hosts = [
        (rng.integers(0, 256, (*photo, 3), dtype=np.uint8), soft(rng, photo), np.stack([soft(rng, maps)] * 3))
        for photo, maps, _, _ in CASES
    ]
    for host in hosts:
        host[2][1:] *= rng.random((2, 1, 1), dtype=np.float32)
    pixels, photos = batch([h[0] for h in hosts])
    alpha, _ = batch([h[1] for h in hosts])
    metal, maps = batch([h[2][1] for h in hosts])
    stone, _ = batch([h[2][2] for h in hosts])
    windows, views = [c[2] for c in CASES], [c[3] for c in CASES]
    out = kernel.seen(pixels, alpha, photos, metal, stone, maps, windows, views, SIDE)
    for got, host, window, view in zip(out, hosts, windows, views, strict=True):
        expected = seen(*host, window, view, SIDE)
        np.testing.assert_allclose(got, expected, atol=2e-5)


def padded(image: np.ndarray, window: Window, side: int) -> np.ndarray:
    """The window made whole, zeros beyond the image, and resampled at once."""
    whole = np.zeros((window.height, window.width, *image.shape[2:]), image.dtype)
    for y in range(max(0, window.top), min(image.shape[0], window.top + window.height)):
        for x in range(max(0, window.left), min(image.shape[1], window.left + window.width)):
            whole[y - window.top, x - window.left] = image[y, x]
    way = cv2.INTER_AREA if side < window.width else cv2.INTER_LINEAR
    return cv2.resize(whole, (side, side), interpolation=way).astype(np.float32)


@pytest.mark.parametrize("side", [7, 24, 100])
@pytest.mark.parametrize("shape", [(80, 60), (9, 90), (90, 9), (1, 75), (60, 5, 3)])
@pytest.mark.parametrize(
    "window",
    [
        Window(2, 1, 40, 40),
        Window(-5, -30, 99, 99),
        Window(-40, -3, 83, 83),
        Window(4, -70, 79, 79),
        Window(95, 0, 30, 30),
    ],
)
def test_sampled_is_the_padded_window_resampled(rng, shape, window, side):
    """Whatever the order of the axes; the weights differ in the last bits of float32."""
    image = rng.random(shape, dtype=np.float32)
    np.testing.assert_allclose(sampled(image, window, side), padded(image, window, side), atol=4e-6)


@pytest.mark.parametrize("shape", [(100, 6000), (6000, 100)])
def test_sampling_a_long_thin_photo_takes_memory_by_the_photo(shape):
    """2 MB of photo, and one axis at 512 px: 14 MB. The square made whole takes 174 MB."""
    image, side = np.ones(shape, np.float32), round(1.1 * 6000)
    tracemalloc.start()
    out = sampled(image, Window((shape[1] - side) // 2, (shape[0] - side) // 2, side, side), 512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25e6
    assert out.sum() == pytest.approx(image.sum() * (512 / side) ** 2, rel=1e-3)


def test_a_chain_thinner_than_a_pixel_shows_its_own_colour():
    """Where the piece is, what the network sees is the piece's, whatever it lies on; elsewhere the ground; 0 beyond."""
    ground, gold = np.array([20, 40, 200]), np.array([210, 160, 60])
    pixels = np.tile(ground, (96, 96, 1)).astype(np.uint8)
    alpha = np.zeros((96, 96), np.float32)
    pixels[:, 40:42], alpha[:, 40:42] = gold, 1.0
    pixels[:, 42], alpha[:, 42] = (ground + gold) // 2, 0.5
    out = unmixed(pixels, alpha, Window(-24, 0, 96, 96), 12)
    own = (2 * gold + 0.25 * (ground + gold) / 2) / 2.25
    np.testing.assert_allclose(255 * out[:, 8], np.tile(own, (12, 1)), atol=0.5)
    np.testing.assert_allclose(255 * out[:, 4], np.tile(ground, (12, 1)), atol=0.5)
    assert not out[:, :3].any()


def scene(rng, size=64, grid=8):
    """A square with a soft disc of noise, metal and a stone, and transforms that change it."""
    y, x = np.mgrid[0:size, 0:size] / size
    disc = (np.hypot(y - 0.5, x - 0.5) < 0.4).astype(np.float32)
    shown = np.concatenate(
        [rng.random((3, size, size), dtype=np.float32), disc[None], disc[None], (disc * (x > 0.6))[None]]
    )
    light = IDENTITY + rng.normal(0, 0.1, (grid, grid, 12)).astype(np.float32)
    return shown.astype(np.float32), light.astype(np.float32)


@pytest.mark.parametrize("grid", [1, 3, 16])
def test_followed_matches_reference(rng, twin, grid):
    made = [scene(rng, grid=grid) for _ in range(2)]
    strengths = [(1.0, 0.3), (0.0, 0.7)]
    out = kernel.followed(np.stack([m[1] for m in made]), np.stack([m[0] for m in made]), strengths)
    for got, (shown, light), strength in zip(out, made, strengths, strict=True):
        np.testing.assert_allclose(got, followed(light, shown[3], shown[5], *strength), atol=1e-5)


def test_change_matches_reference(rng, twin):
    made = [scene(rng), scene(rng, grid=1), scene(rng), scene(rng)]
    made[2][0][3] = 0  # nothing is there
    made[3][1][...] = IDENTITY
    for grid in (8, 1):
        chosen = [(shown, light) for shown, light in made if light.shape[0] == grid]
        out = kernel.change(np.stack([c[0] for c in chosen]), np.stack([c[1] for c in chosen]))
        for got, (shown, light) in zip(out, chosen, strict=True):
            expected = change(shown, light)
            if expected is None:
                assert got is None
                continue
            # single precision, and a 64th of a unit for the percentile: half of what an eye could tell is 0.5
            assert got.mean == pytest.approx(expected.mean, abs=2e-3)
            assert got.p95 == pytest.approx(expected.p95, abs=1 / 64 + 0.01)
            assert got.detail == pytest.approx(expected.detail, abs=1e-4)


def test_gray_and_opposite_hues_are_no_edge_of_the_difference(twin):
    """Gray to gray, black to white, red to its complement, and no change at all."""
    shown = np.zeros((1, 6, 2, 2), np.float32)
    shown[0, :3] = [[[0.5, 0.0], [1.0, 0.5]], [[0.5, 0.0], [0.0, 0.5]], [[0.5, 0.0], [0.0, 0.5]]]
    shown[0, 3] = 1
    light = np.tile(IDENTITY, (1, 2, 2, 1)).astype(np.float32)
    light[0, 0, 0] *= 0.5
    light[0, 0, 1, [3, 7, 11]] = 1
    light[0, 1, 0] = [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    (got,), expected = kernel.change(shown, light), change(shown[0], light[0])
    assert got.mean == pytest.approx(expected.mean, abs=2e-3)


def test_shapes_are_required(twin):
    with pytest.raises(ValueError, match="transforms: float64 instead of float32"):
        kernel.followed(np.zeros((1, 2, 2, 12)), launch.zeros((1, 6, 4, 4), "float32"), [(1, 1)])
