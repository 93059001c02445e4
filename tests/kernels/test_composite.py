from __future__ import annotations

import numpy as np
import pytest

from kernels import composite as kernel
from kernels.reference.composite import Frame, bounds, composite, contact, cutout, frame, relit
from kernels.reference.srgb import srgb_to_linear
from kernels.reference.window import Window

IDENTITY = np.eye(3, 4, dtype=np.float32).reshape(1, 1, 12)
ALL = Window(0, 0, 1600, 1600)
SHAPES = [(1, 1), (7, 13), (64, 64), (517, 263)]


def own_framing(shape):
    return frame(np.zeros(shape, np.float32), None, 0.85, False)


def test_half_of_white_over_black_is_188_not_128():
    """Linear light: half the photons encode to sRGB 188; 128 would mean blending of encoded values."""
    alpha = np.full((1, 1), 0.5, np.float32)
    white = np.full((1, 1, 3), 255, np.uint8)
    assert composite(alpha, white, IDENTITY, ALL, own_framing((1, 1)), (0, 0, 0)).max() == 188


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("background", [(255, 255, 255), (17, 0, 201)])
def test_ends_are_exact(rng, shape, background):
    """Alpha 0 is the background's very bytes, alpha 1 the photo's very bytes."""
    alpha = rng.choice(np.float32([0, 1]), shape)
    foreground = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    out = composite(alpha, foreground, IDENTITY, ALL, own_framing(shape), background)
    np.testing.assert_array_equal(out[alpha == 0], np.broadcast_to(np.uint8(background), out[alpha == 0].shape))
    np.testing.assert_array_equal(out[alpha == 1], foreground[alpha == 1])


def test_cutout_is_straight_rgba(rng):
    foreground = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    alpha = rng.choice(np.float32([0, 0.5, 1]), (20, 30))
    out = cutout(alpha, foreground, IDENTITY, ALL, own_framing((20, 30)))
    np.testing.assert_array_equal(out[..., 3], np.rint(alpha * 255))
    # Straight: half-covered pixels keep the full colour, up to one rounding of premultiplied float32.
    np.testing.assert_allclose(out[alpha > 0, :3].astype(int), foreground[alpha > 0], atol=1)


def test_light_scales_linear_light():
    """A transform that halves all light turns white into 188."""
    light = (0.5 * np.eye(3, 4, dtype=np.float32)).reshape(1, 1, 12)
    white = np.full((2, 2, 3), 255, np.uint8)
    out = composite(np.ones((2, 2), np.float32), white, light, ALL, own_framing((2, 2)), (0, 0, 0))
    assert (out == 188).all()


def test_a_grid_of_equal_transforms_is_that_transform(rng):
    colour = rng.random((40, 30, 3)).astype(np.float32)
    one = rng.random((1, 1, 12)).astype(np.float32)
    np.testing.assert_allclose(relit(colour, np.tile(one, (4, 3, 1))), relit(colour, one), atol=1e-5)


class TestContact:
    @staticmethod
    def disc(size=400):
        y, x = np.mgrid[0:size, 0:size]
        return (np.hypot(y - 200, x - 200) < 100).astype(np.float32)

    def test_falls_right_below_the_piece_and_nowhere_else(self):
        """5 px is one of 80 parts of 400: two of them, and a cell of 8 px, bound where the shadow may be."""
        alpha, view = self.disc(), own_framing((400, 400))
        out = composite(alpha, np.zeros((400, 400, 3), np.uint8), IDENTITY, ALL, view, (255, 255, 255), 1.0)
        assert (out[:92] == 255).all()
        assert (out[340:] == 255).all()
        assert out[303, 200, 0] < 200
        assert (np.diff(out[302:330, 200, 0].astype(int)) >= 0).all()  # fades

    def test_takes_linear_light_away(self):
        """Where density is d, strength s leaves 1 - s*d of the light of the background."""
        alpha, view = self.disc(), own_framing((400, 400))
        nothing = np.zeros((400, 400, 3), np.uint8)
        dark, half = (
            srgb_to_linear(composite(alpha, nothing, IDENTITY, ALL, view, (200, 100, 50), s)) for s in (1.0, 0.5)
        )
        behind = srgb_to_linear(np.uint8([200, 100, 50]))
        np.testing.assert_allclose(half[305, 200], (dark[305, 200] + behind) / 2, atol=4e-3)  # a byte is up to 0.009

    def test_density_is_a_share(self):
        for shape in SHAPES:
            density = contact(np.ones(shape, np.float32), own_framing(shape))
            assert density.min() >= 0
            assert density.max() <= 1 + 1e-6


class TestFrame:
    @staticmethod
    def piece(left, top, right, bottom, shape=(1000, 1600)):
        alpha = np.zeros(shape, np.float32)
        alpha[top:bottom, left:right] = 1
        return alpha

    def test_bounds_are_the_piece(self):
        assert bounds(self.piece(10, 20, 110, 70)) == (10, 20, 110, 70)
        assert bounds(np.zeros((3, 3), np.float32)) is None

    def test_fills_and_centres(self):
        alpha = self.piece(900, 100, 1500, 400)
        view = frame(alpha, (300, 300), 0.8, False)
        out = cutout(alpha, np.zeros((*alpha.shape, 3), np.uint8), IDENTITY, ALL, view)
        left, top, right, bottom = bounds(out[..., 3] / np.float32(255)) or (0, 0, 0, 0)
        assert out.shape == (300, 300, 4)
        assert right - left == pytest.approx(240, abs=1)  # 600 px shrunk to 80 % of 300
        assert left + right == pytest.approx(300, abs=2)
        assert top + bottom == pytest.approx(300, abs=2)

    def test_never_upscales_silently(self):
        view = frame(self.piece(0, 0, 170, 85), (2000, 1000), 0.85, False)
        assert view.canvas == (200, 100)
        assert view.scale == 1

    def test_upscales_when_asked(self):
        view = frame(self.piece(0, 0, 170, 85), (2000, 1000), 0.85, True)
        assert view.canvas == (2000, 1000)
        assert view.scale == pytest.approx(10)

    def test_window_may_leave_the_photo(self):
        """A piece that touches the photo's edge is still centred; what lies outside is background."""
        alpha = self.piece(0, 0, 100, 100, (100, 100))
        view = frame(alpha, (200, 200), 0.5, False)
        out = composite(alpha, np.zeros((100, 100, 3), np.uint8), IDENTITY, ALL, view, (255, 255, 255))
        assert out.shape == (200, 200, 3)
        assert (out[50:150, 50:150] == 0).all()
        assert (out[:50] == 255).all()
        assert (out[:, 150:] == 255).all()

    def test_a_thin_line_shrinks_evenly(self):
        """1-px lines, 4 px apart, at a quarter of the size: an even gray, no moire, the light conserved."""
        alpha = np.zeros((400, 400), np.float32)
        alpha[:, ::4] = 1
        view = frame(alpha, (100, 100), 1.0, False)
        coverage = cutout(alpha, np.zeros((400, 400, 3), np.uint8), IDENTITY, ALL, view)[2:-2, 2:-2, 3] / 255
        assert coverage.mean() == pytest.approx(0.25, abs=0.01)
        assert coverage.std() < 0.02


def test_nothing_is_relit_beyond_its_place():
    """A transform to black that spans the left half, and reaches beyond the photo, leaves the right half white."""
    white = np.full((8, 8, 3), 255, np.uint8)
    view = own_framing((8, 8))
    out = composite(
        np.ones((8, 8), np.float32), white, np.zeros((2, 2, 12), np.float32), Window(-4, -4, 8, 20), view, (0, 0, 0)
    )
    assert (out[:, :4] == 0).all()
    assert (out[:, 4:] == 255).all()


VIEWS = [
    Frame(0, 0, 33, 21, (33, 21)),  # the photo's own framing
    Frame(-9, 5, 60, 60, (19, 19)),  # shrinks, leaves the photo
    Frame(4, 3, 20, 16, (50, 40)),  # enlarges
    Frame(0, 0, 1, 1, (1, 1)),
    Frame(2, 2, 64, 32, (32, 16)),  # by two
    Frame(0, 0, 960, 17, (960, 17)),  # 120 cells: its shadow reaches two
]
PHOTOS = [(21, 33), (70, 40), (24, 30), (1, 1), (40, 70), (17, 960)]
PLACES = [
    Window(0, 0, 33, 33),
    Window(-8, 10, 40, 40),
    Window(5, 5, 9, 9),
    Window(0, 0, 1, 1),
    Window(0, -9, 70, 70),
    Window(0, 0, 960, 960),
]


@pytest.mark.parametrize("grid", [(1, 1), (3, 2)])
def test_kernel_matches_reference(rng, batch, twin, grid):
    def light():
        return (np.eye(3, 4).reshape(12) + rng.normal(0, 0.05, (*grid, 12))).astype(np.float32)

    hosts = [
        (rng.choice(np.float32([0, 0.3, 1]), s), rng.integers(0, 256, (*s, 3), dtype=np.uint8), light()) for s in PHOTOS
    ]
    alpha, photos = batch([h[0] for h in hosts])
    colour, _ = batch([h[1] for h in hosts])
    lights, grids = batch([h[2] for h in hosts])
    scene = kernel.Scene(alpha, colour, photos, lights, grids, PLACES, VIEWS)
    # colours, and on the third canvas a scene
    behinds = [
        np.uint8(c).reshape(1, 1, 3)
        for c in [(255, 255, 255), (7, 130, 0), (0, 0, 0), (90, 90, 90), (255, 0, 1), (250, 240, 230)]
    ]
    behinds[2] = rng.integers(0, 256, (*VIEWS[2].canvas[::-1], 3), dtype=np.uint8)
    shadows = [0.0, 1.0, 0.6, 0.5, 0.8, 1.0]
    over = scene.canvases().split(kernel.composite(scene, *batch(behinds), shadows))
    plain = scene.canvases().split(kernel.composite(scene, *batch(behinds)))
    clear = scene.canvases().split(kernel.cutout(scene))
    cases = zip(over, clear, hosts, PLACES, VIEWS, behinds, shadows, strict=True)
    for got, cut, host, place, view, behind, shadow in cases:
        expected = composite(*host, place, view, behind, shadow)
        # the encoding is a table of 65,536 steps: a sum in another order may fall on its neighbour, near black two
        np.testing.assert_allclose(got.astype(int), expected.astype(int), atol=2)
        wanted = cutout(*host, place, view)
        np.testing.assert_allclose(cut[..., 3].astype(int), wanted[..., 3].astype(int), atol=1)
        seen = wanted[..., 3] > 8  # the colour of nearly nothing is a quotient of rounding errors
        np.testing.assert_allclose(cut[seen].astype(int), wanted[seen].astype(int), atol=3)
        nothing = (wanted == (255, 255, 255, 0)).all(-1)
        assert (cut[nothing] == (255, 255, 255, 0)).all()
        empty = wanted[..., 3] == 0
        same = empty & (expected == behind).all(-1)
        assert (got == behind).all(-1)[same].all()
    for got, host, place, view, behind in zip(plain, hosts, PLACES, VIEWS, behinds, strict=True):
        np.testing.assert_allclose(got.astype(int), composite(*host, place, view, behind).astype(int), atol=2)


def test_a_ground_is_one_colour_or_the_canvas(rng, batch, twin):
    alpha, photos = batch([np.ones((9, 7), np.float32)])
    colour, _ = batch([rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)])
    light, grids = batch([IDENTITY])
    scene = kernel.Scene(alpha, colour, photos, light, grids, [ALL], [own_framing((9, 7))])
    with pytest.raises(ValueError, match="neither one colour nor the canvas"):
        kernel.composite(scene, *batch([np.zeros((7, 9, 3), np.uint8)]))


def test_the_curves_are_uploaded_once(rng, batch, twin, monkeypatch):
    sizes = []
    upload = twin.upload
    monkeypatch.setattr(twin, "upload", lambda array: sizes.append(array.size) or upload(array))
    alpha, photos = batch([rng.random((9, 7), dtype=np.float32)])
    colour, _ = batch([rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)])
    light, grids = batch([IDENTITY])
    scene = kernel.Scene(alpha, colour, photos, light, grids, [ALL], [own_framing((9, 7))])
    red = batch([np.array([[[255, 0, 9]]], np.uint8)])
    first = kernel.composite(scene, *red).copy()
    assert 65536 in sizes
    sizes.clear()
    np.testing.assert_array_equal(kernel.composite(scene, *red), first)
    assert max(sizes) < 256  # the pictures' places, nothing of the curve


def test_a_part_is_relit_as_within_the_whole(rng):
    whole, light = rng.random((90, 70, 3), dtype=np.float32), rng.normal(0, 1, (5, 4, 12)).astype(np.float32)
    part = Window(20, 33, 31, 40)
    expected = relit(whole, light)[33:73, 20:51]
    np.testing.assert_allclose(relit(whole[33:73, 20:51], light, part, (90, 70)), expected, atol=1e-6)
