"""A photo of 1600x1200, of which the overview shows 64x48: one of its pixels is 25 of the photo's."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import window as kernel
from kernels.reference.composite import PRESENT, bounds
from kernels.reference.letterbox import fitted
from kernels.reference.window import Window, choose, extent

HEIGHT, WIDTH = 1200, 1600
WHOLE = Window(0, 0, WIDTH, HEIGHT)


def overview(*parts: tuple[int, int, int, int, float]) -> np.ndarray:
    """Alpha [48, 64] of parts (left, top, right, bottom, alpha)."""
    alpha = np.zeros((48, 64), np.float32)
    for left, top, right, bottom, value in parts:
        alpha[top:bottom, left:right] = value
    return alpha


def chosen(*parts: tuple[int, int, int, int, float], size: int = 100) -> Window:
    return choose(overview(*parts), HEIGHT, WIDTH, size)


PIECE = (20, 10, 28, 14, 1.0)  # in the photo: left 500, top 250, right 700, bottom 350
SQUARE = Window(450, 150, 300, 300)  # 200 px, a quarter of that on each side, around (600, 300)


def test_one_small_piece_has_a_square_with_a_quarter_of_its_length_around_it():
    assert chosen(PIECE) == SQUARE


def test_a_tiny_piece_has_the_least_margin():
    """25 px, and a 32nd of 1600 = 50 px on each side, around (512.5, 262.5)."""
    assert chosen((20, 10, 21, 11, 1.0)) == Window(450, 200, 125, 125)


def test_a_window_is_enlarged_at_most_three_times_to_fill_the_network():
    assert chosen(PIECE, size=1200) == Window(400, 100, 400, 400)


@pytest.mark.parametrize("parts", [(), ((0, 0, 64, 48, 1.0),), ((0, 0, 64, 48, 0.1),), ((3, 20, 61, 24, 1.0),)])
def test_nothing_or_nearly_everything_is_the_whole_photo(parts):
    assert chosen(*parts) == WHOLE


def test_too_little_gain_is_the_whole_photo():
    """950 px and a quarter on each side are 1425, within 0.9 of 1600; 975 px would be 1462."""
    assert chosen((10, 10, 48, 20, 1.0)).width == 1425
    assert chosen((10, 10, 49, 20, 1.0)) == WHOLE


@pytest.mark.parametrize("size", [4323, 4800, 12000])
def test_a_photo_not_much_larger_than_a_third_of_the_network_is_taken_whole(size):
    assert chosen(PIECE, size=size) == WHOLE


def test_two_far_pieces_are_both_inside():
    """A pair of earrings: neither is the largest, neither is dropped. 500 to 1050, a quarter on each side."""
    assert chosen((20, 20, 22, 23, 1.0), (40, 20, 42, 22, 1.0)) == Window(362, 125, 825, 825)
    assert chosen((2, 20, 4, 22, 1.0), (60, 20, 62, 22, 1.0)) == WHOLE


def test_a_weak_speck_does_not_count_but_a_sure_one_does():
    """A loose stone is one pixel of the overview; what the network doubts, and is as small, is noise."""
    assert chosen(PIECE, (40, 30, 43, 33, 0.4)) == SQUARE
    assert chosen(PIECE, (40, 30, 41, 31, 0.6)) != SQUARE


def test_a_chain_counts_down_to_its_faintest_end():
    """What hangs on a sure part counts where it is faint, diagonally too; and a long faint part does alone."""
    thread = tuple((28 + k, 14 + k, 29 + k, 15 + k, 0.2) for k in range(12))  # to (39, 25) inclusive
    window = chosen(PIECE, *thread)
    assert window.left <= 20 * 25
    assert window.left + window.width >= 40 * 25
    assert window.top + window.height >= 26 * 25
    assert chosen(PIECE, (32, 12, 36, 13, 0.2)) != SQUARE  # four pixels of 64: as long as the shortest that counts
    assert chosen((32, 12, 36, 13, 0.2)) != WHOLE


def test_a_piece_at_the_border_keeps_the_border():
    """The window is pushed back into the photo and keeps its size: 100 px and 50 on each side."""
    assert chosen((0, 22, 4, 26, 1.0)) == Window(0, 500, 200, 200)
    assert chosen((60, 44, 64, 48, 1.0)) == Window(1400, 1000, 200, 200)


def test_a_chain_that_runs_off_is_not_cut():
    window = chosen(PIECE, (28, 12, 64, 13, 0.3))
    assert window == Window(0, 0, 1600, 1200)  # 1100 px long: hardly anything to gain
    window = chosen((50, 40, 54, 44, 1.0), (54, 42, 64, 43, 0.3))
    assert window.left + window.width == WIDTH
    assert window.left <= 50 * 25


def test_a_portrait_is_a_turned_landscape():
    turned = choose(np.ascontiguousarray(overview(PIECE).T), WIDTH, HEIGHT, 100)
    assert turned == Window(SQUARE.top, SQUARE.left, SQUARE.height, SQUARE.width)


@pytest.mark.parametrize(("height", "width"), [(16, 20), (1, 1), (60, 64), (16, 100)])
def test_tiny_photos_are_taken_whole(height, width):
    h, w = fitted(height, width, 64)
    assert choose(np.ones((h, w), np.float32), height, width, 128) == Window(0, 0, width, height)


def test_a_strip_is_cut_along_its_length_only():
    """4000x40: the overview shows it as 64x1, each pixel 62.5x40. 125 px long, 125 px on each side."""
    alpha = np.zeros((1, 64), np.float32)
    alpha[0, 30:32] = 1
    assert choose(alpha, 40, 4000, 128) == Window(1750, 0, 375, 40)
    assert choose(alpha.T.copy(), 4000, 40, 128) == Window(0, 1750, 40, 375)


@pytest.mark.parametrize(("height", "width"), [(1200, 1600), (1601, 997), (4000, 3000), (300, 2800), (2000, 2000)])
def test_every_window_is_in_the_photo_and_holds_all_that_is_sure(rng, height, width):
    h, w = fitted(height, width, 64)
    for _ in range(50):
        alpha = np.zeros((h, w), np.float32)
        at = rng.integers(0, (h, w), (int(rng.integers(1, 4)), 2))
        alpha[at[:, 0], at[:, 1]] = 1
        window = choose(alpha, height, width, 256)
        assert min(window.left, window.top) >= 0
        assert window.left + window.width <= width
        assert window.top + window.height <= height
        rows, columns = np.nonzero(alpha)
        assert window.left <= columns.min() * width / w
        assert window.left + window.width >= (columns.max() + 1) * width / w
        assert window.top <= rows.min() * height / h
        assert window.top + window.height >= (rows.max() + 1) * height / h


def planes(rng) -> list[np.ndarray]:
    """Alphas with a piece in parts: sure, faint and long, specks, nothing, one pixel."""
    many = np.where(rng.random((70, 90)) < 0.02, rng.random((70, 90)), 0).astype(np.float32)
    spiral = np.zeros((64, 64), np.float32)
    for k in range(0, 30, 4):
        spiral[k, k : 64 - k] = spiral[k : 64 - k, 63 - k] = spiral[63 - k, k : 64 - k] = 0.2
    return [
        many,
        spiral,
        overview((3, 4, 6, 6, 0.4), (30, 20, 33, 24, 0.6)),
        overview((3, 4, 7, 5, 0.2)),
        overview((3, 4, 6, 6, 0.5)),
        np.zeros((33, 9), np.float32),
        np.ones((1, 1), np.float32),
        np.full((8, 40), 0.5, np.float32),
    ]


def test_kernels_match_references(rng, batch, twin):
    hosts = planes(rng)
    alpha, extents = batch(hosts)
    assert kernel.extent(alpha, extents) == [extent(host) for host in hosts]
    assert kernel.bounds(alpha, extents, PRESENT) == [bounds(host) for host in hosts]
    assert None in kernel.extent(alpha, extents)
