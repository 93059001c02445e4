from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels import backdrop as kernel
from kernels.reference.backdrop import CELL, backdrop, cells, pull_push


def certain(shape, hole=np.s_[0:0]):
    background = np.full(shape, 255, np.uint8)
    background[hole] = 0
    return background


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 13), (65, 40)])
def test_a_plain_table_is_known_everywhere(size):
    pixels = np.full((*size, 3), (90, 110, 140), np.uint8)
    found = backdrop(pixels, certain(size, np.s_[size[0] // 3 : size[0] // 2]))
    for plane in (found.difference, found.noise):
        assert plane.shape == size
        assert not plane.any()


def test_a_ramp_goes_on_under_the_piece():
    """A table that gets brighter by 128 over 256 px: what a piece of 48 px hides is guessed within 8 levels."""
    pixels = (60 + np.arange(256)[None, :, None] // 2).repeat(256, 0).repeat(3, 2).astype(np.uint8)
    hole = np.s_[104:152, 104:152]
    shown = pixels.copy()
    shown[hole] = 0
    known = (cells(certain((256, 256), hole)) == 255).astype(np.float32)
    filled = pull_push(cells(shown).astype(np.float32), known)
    assert np.abs(filled - cells(pixels))[13:19, 13:19].max() < 8


def test_difference_is_half_the_sum_of_the_channels():
    pixels = np.full((64, 64, 3), 100, np.uint8)
    pixels[30:34, 30:34] = (160, 120, 100)
    found = backdrop(pixels, certain((64, 64), np.s_[24:40, 24:40]))
    assert found.difference[31, 31] == 40
    assert found.difference[0, 0] == 0


def test_a_shadow_is_no_difference():
    """Half the light everywhere of the same colour; a hundredth is too dark for a shadow."""
    pixels = np.full((64, 64, 3), (200, 160, 120), np.uint8)
    pixels[24:32, 24:40] = (100, 80, 60)
    pixels[32:40, 24:40] = 2
    found = backdrop(pixels, certain((64, 64), np.s_[24:40, 24:40]))
    assert found.difference[28, 32] <= 2  # rounding of the colours
    assert found.difference[36, 32] > 50


def test_texture_is_noise(rng):
    pixels = rng.normal(128, 20, (128, 128, 1)).clip(0, 255).repeat(3, 2).astype(np.uint8)
    found = backdrop(pixels, certain((128, 128), np.s_[40:80, 40:80]))
    # E|N(0, 20)| = 16 per channel, half the sum of three: 24; less what the estimate follows of it
    assert found.noise.mean() == pytest.approx(24, abs=3)


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (CELL, CELL)])
def test_no_background_at_all_is_no_evidence(rng, size):
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    found = backdrop(pixels, np.zeros(size, np.uint8))
    assert not found.difference.any()
    assert not found.usual(pixels[..., 0]).any()


def test_usual_is_the_highest_of_the_background_and_not_of_the_piece():
    hole = np.s_[16:48, 16:48]
    found = backdrop(np.full((64, 64, 3), 50, np.uint8), certain((64, 64), hole))
    plane = np.full((64, 64), 3, np.uint8)
    plane[::CELL, ::CELL] = 7
    plane[hole] = 200
    assert (found.usual(plane) == 7).all()


def seen_on_cells(field, grid, shape):
    """Enlarge a kernel's cells as the reference does."""
    whole = cv2.resize(np.rint(field).clip(0, 255).astype(np.uint8).reshape(grid), (grid[1] * CELL, grid[0] * CELL))
    return whole.reshape(grid[0] * CELL, grid[1] * CELL)[: shape[0], : shape[1]]


def test_kernel_matches_reference(rng, batch, twin):
    sizes = [(100, 61), (1, 1), (8, 8), (33, 130)]
    hosts = []
    for size in sizes:
        pixels = cv2.GaussianBlur(rng.integers(0, 256, (*size, 3), dtype=np.uint8), (0, 0), 3).reshape(*size, 3)
        hole = np.s_[size[0] // 3 : size[0] // 2, size[1] // 4 : size[1] // 2]
        pixels[hole] = pixels[hole] * np.linspace(0.1, 1, pixels[hole].shape[1])[:, None]  # shadows, some too dark
        hosts.append((pixels, certain(size, hole)))
    pixels, photos = batch([h[0] for h in hosts])
    background, _ = batch([h[1] for h in hosts])
    found = kernel.backdrop(pixels, background, photos)
    usual = found.usual(found.difference)
    for k, host in enumerate(hosts):
        expected, difference = backdrop(*host), photos.split(found.difference)[k]
        # a colour on a rounding edge moves by one, the half sum of three by two; its shadow by the quotient
        np.testing.assert_allclose(difference.astype(int), expected.difference.astype(int), atol=4)
        np.testing.assert_array_equal(found.grids.split(found.known)[k], expected.known)
        grid = found.grids.sizes[k]
        for field, wanted, far in ((found.noise, expected.noise, 2), (usual, expected.usual(expected.difference), 4)):
            got = seen_on_cells(found.grids.split(field)[k], grid, sizes[k])
            np.testing.assert_allclose(got.astype(int), wanted.astype(int), atol=far)
