from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels import guided as kernel
from kernels.reference.guided import averaged, guided


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (65, 33)])
def test_constant_alpha_stays_constant(rng, size, value):
    """No edge of the photo can create an edge in a constant alpha."""
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    out = guided(pixels, np.full((4, 5), value, np.float32), radius=2, epsilon=1e-4)
    assert out.shape == size
    # a covariance of rounding errors over epsilon = 1e-4 leaves less than a quarter of an 8-bit step
    np.testing.assert_allclose(out, value, atol=1e-3)


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_follows_the_edge_of_the_photo(radius):
    """An edge in the middle of a coarse pixel, a 4-px ramp when up-sampled plainly, is put where the photo has it."""
    pixels = np.full((256, 256, 3), 40, np.uint8)
    pixels[:, 102:] = 220
    truth = (pixels[..., 0] > 128).astype(np.float32)
    coarse = cv2.resize(truth, (64, 64), interpolation=cv2.INTER_AREA)
    plain = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_LINEAR)
    assert np.abs(guided(pixels, coarse, radius, 1e-4) - truth).mean() < np.abs(plain - truth).mean() / 10


def test_matches_a_direct_solution_of_the_window(rng):
    """He et al. 2013, eq. 19: a and b are the ridge regression of alpha on colour over the window."""
    pixels = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    alpha = rng.random((5, 5)).astype(np.float32)
    guide = pixels.reshape(-1, 3) / 255
    p = alpha.ravel().astype(float)
    centred = guide - guide.mean(0)
    a = np.linalg.solve(centred.T @ centred / 25 + 0.01 * np.eye(3), centred.T @ (p - p.mean()) / 25)
    b = p.mean() - a @ guide.mean(0)
    expected = (guide @ a + b).reshape(5, 5)
    huge = guided(pixels, alpha, radius=200, epsilon=0.01)
    # 401 px of mirror images of 5 px: every window has the picture's own mean and covariance, up to its rim
    np.testing.assert_allclose(huge, np.clip(expected, 0, 1), atol=0.03)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (60, 200), (0, 40)])
def test_a_gray_photo_explains_an_alpha_that_follows_it(rng, low, high):
    """Channels that vary as one make the covariance nearly singular: in float32 the error here was up to 0.8."""
    white = rng.random((64, 64)) < 0.5
    pixels = np.where(white, high, low).astype(np.uint8)[..., None].repeat(3, 2)
    out = guided(pixels, white.astype(np.float32), radius=1, epsilon=1e-5)
    # epsilon shrinks the gain by epsilon over the variance of the photo, here at most 0.0005.
    np.testing.assert_allclose(out, white, atol=1e-3)


@pytest.mark.parametrize("size", [(9, 9), (18, 5), (10, 13), (7, 21), (3, 3)])
def test_the_guide_averages_areas_at_any_size(rng, size):
    """7x7 px at other sizes: 9 and 18 have columns that start where one of the photo's does."""
    pixels = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
    times = 18 * 5 * 13  # of which every size is a part
    fine = pixels.repeat(times, 0).astype(np.float64)
    rows = np.stack([fine[k * 7 * times // size[0] : (k + 1) * 7 * times // size[0]].mean(0) for k in range(size[0])])
    fine = rows.repeat(times, 1)
    expected = [fine[:, k * 7 * times // size[1] : (k + 1) * 7 * times // size[1]].mean(1) for k in range(size[1])]
    np.testing.assert_allclose(averaged(pixels, *size), np.stack(expected, 1), atol=0.5 + 1e-3)


@pytest.mark.parametrize("radius", [1, 3])
def test_kernel_matches_reference(rng, batch, twin, radius):
    sizes = {
        (70, 41): (35, 20),
        (1, 1): (1, 1),
        (64, 40): (64, 40),
        (101, 150): (30, 45),
        (64, 50): (92, 72),
        (56, 28): (72, 36),
    }
    hosts = []
    for photo, network in sizes.items():
        alpha = cv2.GaussianBlur(rng.random(network, dtype=np.float32), (0, 0), 1).reshape(network)
        hosts.append((rng.integers(0, 256, (*photo, 3), dtype=np.uint8), alpha))
    pixels, photos = batch([h[0] for h in hosts])
    coarse, networks = batch([h[1] for h in hosts])
    # one gray photo: nearly singular
    pixels[: 70 * 41] = pixels[: 70 * 41, :1]
    hosts[0] = (photos.split(pixels)[0], hosts[0][1])
    # one alpha of ends: what the lines make of it beyond them is cut
    hosts[2][1][...] = hosts[2][1] > 0.5
    coarse, _ = batch([h[1] for h in hosts])
    out = photos.split(kernel.guided(pixels, photos, coarse, networks, radius, 1e-3))
    for got, host in zip(out, hosts, strict=True):
        # the shrunk guide may round to a neighbouring byte (1/255 of a slope of about 1); OpenCV sums in another order
        np.testing.assert_allclose(got, guided(*host, radius, 1e-3), atol=8e-3)
