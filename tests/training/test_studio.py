"""The studio in closed form: what a floor, a mirror and a dome must show can be said by hand."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the server extra is not installed: no OpenCV")

from kernels.reference.scene import turned
from training import shade, studio
from training.piece import Material
from training.records import RECORD, SKY, SOLID, decoded, octahedral

SIZE = 8
CAMERA = (np.array([0, -1e-3, 6.1]), np.zeros(3), 30.0)


def mirror(direction):
    """A traced silver mirror over the whole picture, seen from above, that shows one direction of the sky."""
    record = np.zeros(4 * SIZE * SIZE, RECORD)
    record["index"], record["facing"], record["end"] = np.arange(len(record)), 255, SKY
    record["exit"][:, 0] = np.round(octahedral(np.array([direction], float)) * 32767)
    silver = Material("metal", (0.9, 0.9, 0.9), 0.03)
    shadow = np.full((3, 2, 2), 255, np.uint8)
    return shade.Traced(record, shadow, (silver,), ("metal",), np.array([[0, 0, 1.0]] * 2), SIZE, CAMERA)


def shown(direction):
    piece = mirror(direction)
    colour, answer = studio.picture(piece, studio.white(piece), piece.materials, 0)
    assert (answer[..., 0] == 255).all()
    return colour[SIZE // 2, SIZE // 2]


def test_directions_survive_their_code(rng):
    given = rng.normal(size=(500, 3))
    given /= np.linalg.norm(given, axis=1, keepdims=True)
    np.testing.assert_allclose(decoded(octahedral(given)), given, atol=1e-6)


def test_an_empty_white_floor_is_one():
    piece = mirror((0, 0, 1))
    assert studio.FLOOR * studio.white(piece).share.sum(0) == pytest.approx(1)


def test_a_catalog_is_exposed_for_what_is_seen_of_the_floor():
    """A dome alone: what little lies in the shade does not count, a floor all in it is exposed for longer."""
    piece = replace(mirror((0, 0, 1)), size=32, shadow=np.full((3, 16, 16), 255, np.uint8))
    piece.record["index"] = 0  # one sample: 1023 bare pixels
    dome = replace(studio.white(piece), lamps=(), spots=studio.where(piece))
    open_air = studio.metered(dome, piece).exposure
    assert open_air == pytest.approx(1 / (studio.FLOOR * studio.DOME), rel=1e-3)
    piece.shadow[0, :5] = 51
    assert studio.metered(dome, piece).exposure == pytest.approx(open_air, rel=0.1)
    piece.shadow[0] = 51
    assert studio.metered(dome, piece).exposure == pytest.approx(5 * open_air, rel=1e-3)


def test_a_floor_is_lit_below_a_lamp_as_a_normal_that_looks_up_is_and_farther_off_less():
    at, far = (studio.KEY.irradiance(studio.UP, np.array([spot], float))[0, 0] for spot in (studio.AIM, (6, -6, 0)))
    assert at == pytest.approx(studio.KEY.irradiance(np.array([[0, 0, 1.0]]))[0, 0], rel=1e-6)
    assert far < at / 4


def test_a_mirror_shows_dome_key_and_card():
    """Straight up is the dome, towards the key its brighter panel, sideways the black card."""
    dome = 0.9 * studio.DOME * studio.white(mirror((0, 0, 1))).exposure
    np.testing.assert_allclose(shown((0, 0, 1)), studio.shouldered(np.float64(dome)), rtol=1e-3)
    toward = np.array(studio.KEY.centre) - [0, 0, 0.25]
    assert shown(toward / np.linalg.norm(toward)).min() > 0.99
    toward = np.array(studio.CARDS[0].centre) - [0, 0, 0.25]
    assert shown(toward / np.linalg.norm(toward)).max() < 0.05


@pytest.mark.parametrize("kind", ["matte", "metal"])
def test_a_catalogs_metal_mirrors_nothing_that_lay_beside_it_in_the_photo(kind):
    """A mirror that met a black prop, upright beside it: the picture has the white floor's colour there."""
    piece = mirror((0, 0, 1))
    piece.record["via"], piece.record["other"] = 1, 1
    if kind == "matte":
        piece.record["end"] = SOLID
    black = Material(kind, (0.01, 0.01, 0.01), 0.1)
    piece = replace(piece, materials=(*piece.materials, black), slots=("metal", "prop"))
    colour, _ = studio.picture(piece, studio.white(piece), piece.materials, 0)
    bare = mirror((0, 0, 1))
    without, _ = studio.picture(bare, studio.white(bare), bare.materials, 0)
    assert colour.min() > 0.85 * without.min()


def test_nearer_lamps_move_in_the_mirror():
    """The same direction meets the key from the middle, and misses it from two units to its side."""
    piece = mirror((0, 0, 1))
    light = studio.white(piece)
    toward = np.array(studio.KEY.centre) / np.linalg.norm(studio.KEY.centre)
    spots = np.array([[0, 0, 0], [2.5, 0, 0]], np.float32)
    there = replace(light, spots=spots)
    seen = there.seen(octahedral(toward[None]).repeat(2, 0), np.array([0, 1]), 0.0)[:, 0]
    assert seen[0] > 3 * seen[1]


def test_the_shoulder_ends_at_one():
    x = np.linspace(0, 9, 100)
    y = studio.shouldered(x)
    np.testing.assert_allclose(y[x <= 0.8], x[x <= 0.8])
    assert (np.diff(y) >= 0).all()
    assert y[-1] == pytest.approx(1)


def test_harmonics_of_even_light_are_order_zero_only():
    """Radiance 1 from everywhere: 4 pi * Y00 = sqrt(4 pi), nothing else."""
    even = studio.project(np.ones((shade.COARSE, shade.COARSE, 3), np.float32)).reshape(9, 3)
    assert even[0] == pytest.approx(np.sqrt(4 * np.pi), rel=1e-3)
    assert np.abs(even[1:]).max() < 0.02


def test_harmonics_turn_as_the_server_turns_them():
    """Light from the right, turned by a quarter, is light from the top: projected, and by `scene.turned`."""
    x, y, _ = np.moveaxis(shade.directions(shade.COARSE), -1, 0)
    right, top = (studio.project(np.repeat(np.maximum(a, 0)[..., None], 3, -1))[::3] for a in (x, y))
    np.testing.assert_allclose(turned(right, np.pi / 2), top, atol=0.02)
