"""refine, relight and composite as plain functions: no Triton in sight."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from kernels.reference.figures import figures
from kernels.reference.letterbox import unletterbox
from kernels.reference.refine import refined, upsample
from kernels.reference.window import Window
from perf.edges import memory
from server.card import RelightCard, read_card
from server.contract import BAD_IMAGE, BAD_LOOK, Look
from server.engines import on_cpu
from server.networks import RelightNetwork
from server.report import Report
from server.repository import default_repository
from server.stages.composite import composite
from server.stages.decode import scene
from server.stages.refine import judge, refine
from server.stages.relight import Relighter, averaged, surroundings

SIZE = 128
DEFAULT = np.frombuffer(Look().to_bytes(), np.uint8)


def ring(size: int, centre=(0.5, 0.5)) -> np.ndarray:
    """A ring of outer radius 0.3 and inner 0.2 of the side; coverage by 8x supersampling."""
    y, x = np.mgrid[0 : 8 * size, 0 : 8 * size] / (8 * size)
    distance = np.hypot(y - centre[1], x - centre[0])
    return cv2.resize(
        ((distance < 0.3) & (distance > 0.2)).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA
    )


def photo_of(alpha: np.ndarray) -> np.ndarray:
    gold, table = np.float32([212, 175, 55]), np.float32([90, 110, 140])
    return np.rint(alpha[..., None] * gold + (1 - alpha[..., None]) * table).astype(np.uint8)


def coarse_of(alpha: np.ndarray) -> np.ndarray:
    small = cv2.resize(alpha, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.stack([small, small, np.zeros_like(small)])


def whole(photo: np.ndarray) -> np.ndarray:
    return np.int32([0, 0, photo.shape[1], photo.shape[0]])


def begun() -> np.ndarray:
    report = Report.begin()
    with report.stage("decode"):
        pass
    return report.write()


def test_upsampling_beats_bilinear_four_times():
    truth = ring(4 * SIZE)
    coarse = coarse_of(truth)
    plain = cv2.resize(coarse[0], truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    found = upsample(photo_of(truth), coarse[0])
    assert np.abs(found - truth).mean() < np.abs(plain - truth).mean() / 4


def test_sure_pixels_are_exactly_0_and_1():
    truth = ring(4 * SIZE)
    found = upsample(photo_of(truth), coarse_of(truth)[0])
    inner = cv2.erode(truth, np.ones((9, 9))) == 1
    outer = cv2.dilate(truth, np.ones((9, 9))) == 0
    assert (found[inner] == 1).all()
    assert (found[outer] == 0).all()


def test_refine_reports_a_clean_ring_without_doubts():
    truth = ring(4 * SIZE)
    found = refine(photo_of(truth), whole(truth), coarse_of(truth), DEFAULT, begun())
    facts = Report.read(found["report"]).facts
    assert facts["qa"]["parts"] == 1
    assert facts["qa"]["touches"] == []
    assert abs(facts["qa"]["coverage"] - truth.mean()) < 0.002
    assert not facts["needs_review"], facts["reasons"]
    np.testing.assert_array_equal(found["cutout"]()[..., :3], found["foreground"])
    np.testing.assert_array_equal(found["cutout"]()[..., 3], np.rint(found["alpha"] * 255))


def test_refine_works_inside_the_box_and_reports_what_it_did():
    """The same piece on a photo with much more table around it: the same alpha, nothing beyond."""
    truth = ring(2 * SIZE)
    wide = np.pad(truth, 2 * SIZE)
    alpha, colour, facts = refined(photo_of(wide), coarse_of(wide))
    assert np.abs(alpha - wide).mean() < 0.002
    assert (alpha[: 2 * SIZE] == 0).all()
    assert (colour[: 2 * SIZE] == 255).all()
    assert facts["openings"]["count"] == 1
    assert abs(facts["openings"]["area"] - np.pi * (0.2 * 2 * SIZE) ** 2) < 200


def reasons(alpha: np.ndarray, coarse: np.ndarray) -> str:
    return "; ".join(
        Report.read(refine(photo_of(alpha), whole(alpha), coarse, DEFAULT, begun())["report"]).facts["reasons"]
    )


def test_refine_doubts_what_a_person_should_see():
    truth = ring(2 * SIZE)
    off_frame = ring(2 * SIZE, (0.1, 0.5))
    assert "none was found" in reasons(truth, np.zeros((3, SIZE, SIZE), np.float32))
    assert "runs off the photo (left)" in reasons(off_frame, coarse_of(off_frame))
    assert "unsure" in reasons(truth, coarse_of(truth) * np.float32(0.5))


def test_refine_works_on_the_window_alone():
    """Inside, what the window alone would give; outside, no alpha and the white of uncovered pixels."""
    truth = ring(2 * SIZE)
    photo = np.random.default_rng(1).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    left, top = 120, 31
    inside = np.s_[top : top + 2 * SIZE, left : left + 2 * SIZE]
    photo[inside] = photo_of(truth)
    found = refine(photo, np.int32([left, top, 2 * SIZE, 2 * SIZE]), coarse_of(truth), DEFAULT, begun())
    alone = refine(photo_of(truth), whole(truth), coarse_of(truth), DEFAULT, begun())
    for answer in (found, alone):
        answer["cutout"] = answer["cutout"]()
    for name, empty in (("alpha", 0), ("foreground", 255), ("cutout", (255, 255, 255, 0))):
        np.testing.assert_array_equal(found[name][inside], alone[name])
        outside = np.ones((400, 500), bool)
        outside[inside] = False
        assert (found[name][outside] == empty).all(), name
    facts = Report.read(found["report"]).facts
    bounds = Report.read(alone["report"]).facts["qa"]["bounds"]
    assert facts["qa"]["bounds"] == [bounds[0] + left, bounds[1] + top, bounds[2] + left, bounds[3] + top]
    assert not facts["needs_review"], facts["reasons"]


def judged(box: tuple[int, int, int, int], view: Window) -> tuple[list[str], list[str]]:
    """Sides that the piece touches, and reasons for review, of a piece that fills `box` of a photo of 100x80."""
    left, top, right, bottom = box
    alpha = np.zeros((80, 100), np.float32)
    alpha[top:bottom, left:right] = 1
    report = Report.begin()
    return judge(figures(alpha, 3), alpha.shape, view, report)["touches"], report.facts["reasons"]


def test_a_piece_is_cut_by_the_window_or_by_the_photo():
    out = "piece: runs out of the window that was looked at"
    assert judged((30, 30, 50, 50), Window(20, 20, 40, 40)) == ([], [])
    assert judged((20, 30, 50, 50), Window(20, 20, 40, 40)) == ([], [f"{out} (left)"])
    assert judged((30, 20, 60, 60), Window(20, 20, 40, 40)) == ([], [f"{out} (top, right, bottom)"])
    # The window's border is the photo's: the photo cuts the piece, not the window.
    assert judged((0, 30, 30, 50), Window(0, 20, 40, 40)) == (["left"], ["piece: runs off the photo (left)"])
    assert judged((90, 70, 100, 80), Window(60, 40, 40, 40))[0] == ["right", "bottom"]
    assert len(judged((90, 70, 100, 80), Window(60, 40, 40, 40))[1]) == 1


def relighted(look: Look, shown: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """What relight answers to a gold ring that fills half of a gray photo of 2 SIZE pixels."""
    folder = default_repository() / "relight" / "1"
    stage = Relighter(RelightNetwork(read_card(folder / "model.json", RelightCard), folder, on_cpu(1)))
    truth = ring(2 * SIZE)
    coarse = np.stack([cv2.resize(truth, (SIZE, SIZE), interpolation=cv2.INTER_AREA)] * 2 + [np.zeros((SIZE, SIZE))])
    window = np.array([0, 0, 2 * SIZE, 2 * SIZE], np.int32)
    alpha = truth if shown is None else shown
    return stage(photo_of(truth), alpha, window, coarse.astype(np.float32), wire(look), begun())


def wire(look: Look) -> np.ndarray:
    return np.frombuffer(look.to_bytes(), np.uint8)


def test_without_relight_the_piece_keeps_its_own_pixels():
    found = relighted(Look(relight=0))
    facts = Report.read(found["report"]).facts
    assert facts["relight"] == {"asked": 0.0, "applied": 0.0}
    assert facts["identity_safe"] is True
    np.testing.assert_array_equal(found["light"].reshape(3, 4), np.eye(3, 4))


@pytest.mark.parametrize(("side", "left"), [(4, 4), (8, 4), (12, 4), (6, 6), (10, 5), (2, 2)])
def test_a_change_is_measured_on_averages_over_whole_pixels(side, left):
    """By the largest whole number that divides the side and leaves four pixels or more."""
    planes = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
    found = averaged(planes, 4)
    assert found.dtype == np.float32
    step = side // left
    np.testing.assert_allclose(found, planes.reshape(2, left, step, left, step).mean((2, 4)), rtol=1e-6)


def test_relight_tells_how_much_it_changed():
    found = relighted(Look(relight=1))
    facts = Report.read(found["report"]).facts
    assert facts["identity_safe"] is False
    assert facts["relight"]["applied"] == 1
    assert 0 < facts["relight"]["mean"] <= facts["relight"]["p95"]
    assert -1 <= facts["relight"]["detail"] <= 1
    assert facts["relight"]["network"]["name"] == "milgrain-relight"


def test_strength_blends_the_transforms_and_knows_metal_from_stone():
    """Half the strength is half the change; a piece without stones does not care what stones take."""
    whole, half, metal = (
        relighted(look)["light"] - np.eye(3, 4, dtype=np.float32).ravel()
        for look in (Look(relight=1), Look(relight=0.5), Look(relight=1, relight_stone=0))
    )
    assert np.abs(whole).max() > 0.05
    np.testing.assert_allclose(half, whole / 2, atol=1e-5)
    np.testing.assert_allclose(metal, whole, atol=1e-6)
    assert not (relighted(Look(relight=1, relight_metal=0))["light"] - np.eye(3, 4).ravel()).any()


def test_nothing_is_relit_where_nothing_was_found():
    found = relighted(Look(relight=1), np.zeros((2 * SIZE, 2 * SIZE), np.float32))
    assert Report.read(found["report"]).facts["relight"] == {"asked": 1.0, "applied": 0.0}
    assert found["light"].shape == (1, 1, 12)


def test_the_new_surroundings_take_the_backgrounds_colour():
    """Over red, more red than blue comes from below; over white the light has no colour."""
    card = read_card(default_repository() / "relight" / "1" / "model.json", RelightCard)
    above, below = np.array(card.above), np.array(card.below)
    white = surroundings(Look(), above, below).reshape(9, 3)
    red = surroundings(Look(background="#ff0000"), above, below).reshape(9, 3)
    np.testing.assert_allclose(white, white[:, :1].repeat(3, 1), atol=1e-6)
    assert red[0, 0] == pytest.approx(white[0, 0])
    assert red[0, 2] < 0.8 * white[0, 2]


def composed(look: Look, alpha: np.ndarray | None = None) -> tuple[np.ndarray, dict]:
    truth = ring(2 * SIZE) if alpha is None else alpha
    light, place = np.eye(3, 4, dtype=np.float32).reshape(1, 1, 12), np.array([0, 0, 2 * SIZE, 2 * SIZE], np.int32)
    found = composite(truth, photo_of(truth), light, place, wire(look), begun())
    return found["picture"], Report.read(found["report"]).facts


def test_no_strength_left_is_no_relight():
    """Then no network is asked, and the picture's pixels are the photo's own."""
    facts = Report.read(relighted(Look(relight=1, relight_metal=0, relight_stone=0))["report"]).facts
    assert facts["relight"] == {"asked": 1.0, "applied": 0.0}
    assert facts["identity_safe"]


def test_the_smallest_photo_is_refined_wherever_the_piece_is():
    photo, coarse = np.full((16, 16, 3), 90, np.uint8), np.zeros((3, 64, 64), np.float32)
    coarse[:2, :2] = 1
    alpha, _, _ = refined(photo, coarse)
    assert alpha.shape == (16, 16)
    assert not alpha[8:].any()


def test_a_piece_too_large_for_the_canvas_is_refused_alone():
    """At the same look a piece of 2 pixels is answered: a BadLook would stop the client's whole run."""
    look = Look(size=2000, fill=0.001)
    with pytest.raises(ValueError, match=f"^{BAD_IMAGE}at fill 0.001 the canvas would show .* ask for a larger fill"):
        composed(look)
    small = np.zeros((2 * SIZE, 2 * SIZE), np.float32)
    small[99:101, 99:101] = 1
    assert composed(look, small)[0].shape == (2000, 2000, 3)


@pytest.mark.parametrize("upscale", [False, True])
def test_a_canvas_that_no_piece_can_fill_is_the_looks_fault(upscale):
    """16 px hold the piece at 0.001 of them, 10,000 px above it then show 625 megapixels beside a single pixel."""
    with pytest.raises(ValueError, match=f"^{BAD_LOOK}fill: at 0.001"):
        composed(Look(size=(16, 10000), fill=0.001, upscale=upscale))


def test_composite_keeps_the_photos_own_framing_when_size_is_none():
    picture, facts = composed(Look(size=None))
    assert picture.shape == (2 * SIZE, 2 * SIZE, 3)
    assert (picture[ring(2 * SIZE) == 0] == 255).all()
    assert facts["picture"]["scale"] == 1
    assert not facts["needs_review"]


def test_composite_says_when_the_canvas_had_to_shrink():
    picture, facts = composed(Look(size=2000))
    assert picture.shape[0] < 2000
    assert "upscale is off" in facts["reasons"][0]


def test_composite_lays_a_shadow_only_when_asked():
    truth = ring(2 * SIZE)
    plain, _ = composed(Look(size=None))
    dark, _ = composed(Look(size=None, shadow=0.8))
    assert (plain[truth == 0] == 255).all()
    assert (dark[truth == 0] < 250).any()
    np.testing.assert_array_equal(dark[truth == 1], plain[truth == 1])


def test_refine_leaves_the_old_colour_where_the_look_asks():
    truth = ring(2 * SIZE)
    soft = (truth > 0.2) & (truth < 0.8)
    look = np.frombuffer(Look(decontaminate=0).to_bytes(), np.uint8)
    own = refine(photo_of(truth), whole(truth), coarse_of(truth), look, begun())["foreground"]
    clean = refine(photo_of(truth), whole(truth), coarse_of(truth), DEFAULT, begun())["foreground"]
    kept = soft & (own != 255).any(-1)
    np.testing.assert_array_equal(own[kept], photo_of(truth)[kept])
    gold = np.float32([212, 175, 55])
    assert np.abs(clean[kept] - gold).mean() < np.abs(own[kept] - gold).mean() / 2


def test_composite_in_colour_and_without_background():
    colour, _ = composed(Look(size=None, background="#12ab00"))
    assert (colour[0, 0] == [0x12, 0xAB, 0]).all()
    clear, _ = composed(Look(size=None, background="transparent", format="png"))
    assert clear.shape[2] == 4
    assert clear[0, 0, 3] == 0


@pytest.mark.slow
def test_fifty_megapixels_once():
    """A ring on 7100x7100: the same figures as at any size, and no more memory than the budget allows."""
    side = 7100
    truth = cv2.resize(ring(4 * SIZE), (side, side), interpolation=cv2.INTER_LINEAR)
    pixels = photo_of(truth)
    coarse = unletterbox(coarse_of(truth), side, side)
    Path("/proc/self/clear_refs").write_text("5")  # the highest use so far, of what made the photo, is forgotten
    before = memory("VmRSS")
    alpha, colour, facts = refined(pixels, coarse)
    grown = memory("VmHWM") - before
    assert abs(float(alpha.mean()) - float(truth.mean())) < 1e-3
    assert facts["openings"]["count"] == 1
    assert (colour[0] == 255).all()
    assert 4 * pixels.nbytes / 3 < grown <= 12 * pixels.nbytes  # at least the alpha that came back: it was measured


def scene_of(picture: np.ndarray, **fields) -> Look:
    ok, code = cv2.imencode(".png", picture[..., ::-1])
    assert ok
    return Look(scene=base64.b64encode(code.tobytes()), **fields)


def test_a_scene_is_the_background_and_lights_the_piece():
    """Beside the piece the picture is the scene's very pixels; one bright on the right lights from there."""
    picture = np.zeros((2 * SIZE, 2 * SIZE, 3), np.uint8)
    picture[:, :SIZE], picture[:, SIZE:] = (40, 60, 80), (200, 210, 220)
    out, _ = composed(scene_of(picture, size=None))
    empty = ring(2 * SIZE) == 0
    np.testing.assert_array_equal(out[empty], picture[empty])
    card = read_card(default_repository() / "relight" / "1" / "model.json", RelightCard)
    light = surroundings(scene_of(picture), np.array(card.above), np.array(card.below)).reshape(9, 3)
    assert light[3].mean() > 0.02  # order 1, x: more from the right
    assert abs(light[1].mean()) < abs(light[3].mean())


def test_a_broken_scene_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^bad look: scene: not a JPEG"):
        scene(Look(scene=base64.b64encode(b"no picture")))
    with pytest.raises(ValueError, match="leave background out"):
        scene_of(np.zeros((20, 20, 3), np.uint8), background="#102030")
