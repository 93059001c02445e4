from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels import backdrop as device_backdrop
from kernels import filament as kernel
from kernels import launch
from kernels.reference.backdrop import CELL, Backdrop, backdrop
from kernels.reference.filament import HINT, LINE, filament, ridges

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


def faint(truth: np.ndarray, level: int) -> np.ndarray:
    """The wire as the network's pixels have it: larger, and faint."""
    return np.rint(cv2.dilate(truth, np.ones((5, 5))) * level).astype(np.uint8)


def known(truth: np.ndarray) -> np.ndarray:
    return np.where(truth > 0, 0, 255).astype(np.uint8)


def restored(pixels, alpha, hint, truth, line=None):
    return filament(alpha, backdrop(pixels, known(truth)), hint, hint if line is None else line)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("angle", [0.0, 0.5, -0.8])
def test_a_wire_with_a_faint_line_comes_back(width, angle):
    pixels, truth, alpha = scene(width, angle)
    out, count = restored(pixels, alpha, faint(truth, 30), truth)
    wire = (truth > 0) & (alpha == 0)
    assert out[wire].mean() > 0.95
    assert (out[truth == 0] == 0).all()
    assert count == pytest.approx(wire.sum(), rel=0.05)


def test_without_a_hint_nothing_is_invented():
    pixels, truth, alpha = scene(3)
    nothing = np.zeros((SIZE, SIZE), np.uint8)
    out, count = restored(pixels, alpha, nothing, truth, line=nothing + 255)
    np.testing.assert_array_equal(out, alpha)
    assert count == 0


def test_a_hair_in_the_networks_blur_is_not_the_piece():
    """A hint that is flat across the line: the network saw no line there."""
    pixels, truth, alpha = scene(3)
    flat = np.full((SIZE, SIZE), 60, np.uint8)
    out, _ = restored(pixels, alpha, flat, truth, line=np.full_like(flat, LINE - 1))
    np.testing.assert_array_equal(out, alpha)
    assert restored(pixels, alpha, flat, truth, line=np.full_like(flat, LINE))[1] > 0


def test_a_shadow_is_no_wire():
    """A dark stroke of the table's own hue is explained by less light."""
    pixels, truth, alpha = scene(3, contrast=-30)
    hint = faint(truth, 60)
    out, _ = restored(pixels, alpha, hint, truth)
    np.testing.assert_array_equal(out, alpha)


def test_a_wire_that_hangs_on_nothing_stays_away():
    pixels, truth, alpha = scene(3)
    pixels[:, 60:90] = 100
    out, _ = restored(pixels, alpha, np.full((SIZE, SIZE), 30, np.uint8), truth)
    np.testing.assert_array_equal(out, alpha)


def test_alpha_never_becomes_less(rng):
    alpha = rng.random((40, 50), dtype=np.float32)
    planes = [rng.integers(0, 256, (40, 50), dtype=np.uint8) for _ in range(2)]
    out, count = filament(alpha, Backdrop(*planes, np.zeros((5, 7), np.float32)), planes[0], planes[1])
    assert (out >= alpha).all()
    assert count == ((out > 0.5) & (alpha <= 0.5)).sum() > 0


def test_a_step_is_no_ridge_and_a_line_is():
    step = np.zeros((40, 40), np.uint8)
    step[:, 20:] = 200
    assert not ridges(step)[5:35, 5:35].any()
    line = np.zeros((40, 40), np.uint8)
    line[:, 19:22] = 200
    assert (ridges(line)[5:35, 20] == 200).all()
    assert not ridges(line)[:, :16].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 3)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_tiny_pictures(size, value):
    alpha = np.full(size, value, np.float32)
    pixels = np.zeros((*size, 3), np.uint8)
    out, _ = restored(pixels, alpha, np.full(size, 255, np.uint8), alpha)
    np.testing.assert_array_equal(out, alpha)


def test_kernels_match_reference(rng, batch, twin):
    """Wires that are kept, unseen and cut off, in pictures of several sizes: the same alpha and counts."""
    cases = []
    for width, level, crop in ((3, 40, SIZE), (2, 10, SIZE), (5, 60, 133), (1, 30, 1)):
        pixels, truth, alpha = scene(width, 0.4)
        pixels = np.clip(pixels + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)
        hint = np.clip(faint(truth, level) + rng.integers(0, 8, truth.shape), 0, 255).astype(np.uint8)
        planes = pixels, known(truth), alpha, hint, hint
        cases.append([np.ascontiguousarray(plane[: crop + 5, :crop]) for plane in planes])
    (pixels, photos), *planes = (batch([case[k] for case in cases]) for k in range(5))
    background, alpha, hint, line = (plane for plane, _ in planes)
    behind = device_backdrop.backdrop(pixels, background, photos)
    out, counts = kernel.filament(alpha, behind, hint, line)
    assert counts[0] > 100
    for got, count, case in zip(photos.split(out), counts, cases, strict=True):
        expected, wanted = filament(case[2], backdrop(case[0], case[1]), case[3], case[4])
        # a byte of the difference more or less at the limit, at the wire's rim
        assert (np.abs(got - expected) > 0.05).mean() < 1e-3
        assert abs(int(count) - wanted) <= 4


def test_steps_of_the_kernels_are_the_references_where_nothing_is_estimated(rng, batch, twin):
    """An even noise, no background: from the ridges on, all but the last quotient is whole numbers or compares."""
    hosts = []
    for height, width in [(60, 90), (1, 1), (90, 33), (1, 60)]:
        difference = np.zeros((height, width), np.uint8)
        for _ in range(height * width // 60):
            x, y, dx, dy = (rng.integers(low, high) for low, high in ((0, width), (0, height), (-9, 10), (-9, 10)))
            level = int(rng.integers(20, rng.choice([45, 256])))  # the faintest are whole before TOP of their highest
            cv2.line(difference, (int(x), int(y)), (int(x + dx), int(y + dy)), level)
        difference = (difference * rng.uniform(0.5, 1, difference.shape)).astype(np.uint8)
        alpha = rng.choice(np.float32([0, 0.2, 0.5, 0.6, 1]), (height, width), p=[0.8, 0.1, 0.09, 0.005, 0.005])
        hint, line = (rng.integers(*ends, (height, width), dtype=np.uint8) for ends in ((HINT - 1, HINT + 9), (12, 30)))
        hosts.append((difference, alpha, hint, line))
    (difference, photos), *planes = (batch([host[k] for host in hosts]) for k in range(4))
    alpha, hint, line = (plane for plane, _ in planes)
    grids = photos.per_picture(lambda h, w: (-(-h // CELL), -(-w // CELL)))
    known, noise = launch.zeros(grids.pixels, "float32"), launch.zeros(grids.pixels, "float32")
    noise[...] = 20
    out, counts = kernel.filament(alpha, device_backdrop.Backdrop(photos, grids, difference, noise, known), hint, line)
    assert counts[0] > 50
    for got, count, (own, before, *seen), cells in zip(photos.split(out), counts, hosts, grids.sizes, strict=True):
        expected, wanted = filament(before, Backdrop(own, np.full_like(own, 20), np.zeros(cells, np.float32)), *seen)
        np.testing.assert_allclose(got, expected, atol=1e-6)  # one rounding of a quotient
        assert count == wanted


def test_ridge_kernel_is_the_reference_exactly(rng, batch, twin):
    planes = [rng.integers(0, 256, size, dtype=np.uint8) for size in [(1, 1), (40, 70), (3, 100), (33, 9)]]
    plane, photos = batch(planes)
    for got, one in zip(photos.split(kernel.ridges(plane, photos)), planes, strict=True):
        np.testing.assert_array_equal(got, ridges(one))
