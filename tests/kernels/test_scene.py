"""What a scene suggests of its light, in pictures that leave no doubt."""

import numpy as np
import pytest

from kernels.reference.scene import covering, suggested, turned


def halves(left, right, axis=1):
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:] = right
    picture[(slice(None),) * axis + (slice(0, picture.shape[axis] // 2),)] = left
    return picture


def test_an_even_picture_has_no_side():
    found = suggested(np.full((40, 50, 3), 128, np.uint8))
    assert found.azimuth is None
    np.testing.assert_allclose(found.ground, 0.2158, atol=1e-3)
    np.testing.assert_allclose(found.room, 1, atol=1e-3)


@pytest.mark.parametrize(
    ("picture", "angle"),
    [(halves(30, 220), 0), (halves(220, 30), np.pi), (halves(220, 30, 0), np.pi / 2), (halves(30, 220, 0), -np.pi / 2)],
)
def test_light_comes_from_the_brighter_side(picture, angle):
    azimuth = suggested(picture).azimuth
    assert azimuth is not None
    assert np.cos(azimuth - angle) == pytest.approx(1, abs=1e-3)


def test_the_room_takes_the_pictures_cast():
    room = suggested(np.full((40, 50, 3), (200, 120, 60), np.uint8)).room
    assert room[0] > room[1] > room[2]
    assert room.mean() == pytest.approx(1, abs=1e-3)


def test_turned_light_points_elsewhere():
    """A lobe along x turned by a quarter points along y; twice a quarter it points back; order 0 does not care."""
    lobe = np.array([1, 0, 0.5, 1, 0, 0, 0.3, 0.2, 0.7])
    quarter = turned(lobe, np.pi / 2)
    np.testing.assert_allclose(quarter, [1, 1, 0.5, 0, 0, 0.2, 0.3, 0, -0.7], atol=1e-6)
    np.testing.assert_allclose(turned(quarter, -np.pi / 2), lobe, atol=1e-6)


@pytest.mark.parametrize("canvas", [(50, 50), (120, 40), (40, 120), (200, 300)])
def test_a_scene_covers_the_canvas_around_its_middle(canvas):
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[38:42, 58:62] = 255
    out = covering(picture, canvas)
    assert out.shape == (canvas[1], canvas[0], 3)
    rows, columns = np.nonzero(out[..., 0] > 100)
    assert (rows.mean() + 0.5) / canvas[1] == pytest.approx(0.5, abs=0.03)
    assert (columns.mean() + 0.5) / canvas[0] == pytest.approx(0.5, abs=0.03)


def test_a_scene_far_slimmer_than_its_canvas_still_covers_it():
    assert covering(np.full((1000, 20, 3), 7, np.uint8), (2000, 40)).shape == (40, 2000, 3)
    assert covering(np.full((20, 1000, 3), 7, np.uint8), (40, 2000)).shape == (2000, 40, 3)
