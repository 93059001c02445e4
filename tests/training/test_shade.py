"""Lighting a traced piece: what a mirror, a ground and an edge must show can be said without a renderer."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the server extra is not installed: no OpenCV")

from training import materials, shade
from training.piece import Material
from training.records import DARK, GROUND, RECORD, SKY, octahedral, pixels

SIZE = 8
GOLD = Material("metal", (1.0, 0.7, 0.3), 0.03)
PROP = Material("matte", (0.2, 0.2, 0.2), 0.6)


def traced(record, slot="metal", material=GOLD):
    shadow = np.full((3, 2, 2), 255, np.uint8)
    return shade.Traced(record, shadow, (material,), (slot,), np.array([[0, 0, 1.0], [0, 0, 1.0]]), SIZE)


def surroundings(radiance):
    levels = tuple(np.full((shade.SIDE >> k, shade.SIDE >> k, 3), radiance, np.float32) for k in range(4))
    share = np.zeros((3, 3), np.float32)
    share[0] = radiance
    return shade.Surroundings(levels, np.full((shade.COARSE, shade.COARSE, 3), radiance, np.float32), share)


def facing_the_camera(samples):
    record = np.zeros(len(samples), RECORD)
    record["index"], record["facing"], record["end"] = samples, 255, SKY
    record["normal"] = (0, 0, 127)
    return record


def show(piece, ground=0.5, radiance=1.0):
    plane = np.full((SIZE, SIZE, 3), ground, np.float32)
    return shade.lit(piece, plane, surroundings(radiance), piece.materials, np.random.default_rng(0))


def test_a_mirror_shows_its_surroundings_in_its_own_colour():
    image, answer = show(traced(facing_the_camera(np.array([0, 1, 16, 17]))), radiance=0.5)
    np.testing.assert_allclose(image[0, 0], 0.5 * np.array(GOLD.color), rtol=1e-5)
    assert answer[0, 0].tolist() == [255, 255, 0]


def test_a_bare_ground_shows_its_reflectance_times_its_light():
    image, answer = show(traced(facing_the_camera(np.array([0]))), ground=0.5, radiance=0.8)
    np.testing.assert_allclose(image[5, 5], 0.4, rtol=1e-5)
    assert not answer[5, 5].any()


@pytest.mark.parametrize(
    ("kind", "body", "clear"), [("metal", 0, 0), ("clear", 0, 255), ("opaque", 255, 0), ("pearl", 255, 0)]
)
def test_what_scatters_light_in_its_body_and_what_is_clear_are_told_apart(kind, body, clear):
    piece = traced(facing_the_camera(np.array([0, 1, 16, 17])), "stone", Material(kind, (0.5, 0.5, 0.5)))
    for kinds, covered in ((shade.BODIES, body), (("clear",), clear)):
        found = shade.coverage(piece, piece.materials, kinds)
        assert found.shape == (SIZE, SIZE)
        assert found[0, 0] == covered
        assert found.sum() == covered


def test_two_of_four_samples_cover_half_a_pixel():
    image, answer = show(traced(facing_the_camera(np.array([0, 1]))), ground=0.5, radiance=1.0)
    assert answer[0, 0].tolist() == [128, 128, 0]
    np.testing.assert_allclose(image[0, 0], 0.5 * np.array(GOLD.color) + 0.25, rtol=1e-5)


def test_a_mirror_that_looks_at_the_ground_shows_it():
    record = facing_the_camera(np.array([0, 1, 16, 17]))
    record["end"], record["exit"] = GROUND, 6 * 8  # the ground seen at pixel 6, 6
    ground = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    ground[6, 6] = 0.9
    piece = traced(record)
    image, _ = shade.lit(piece, ground, surroundings(1.0), piece.materials, np.random.default_rng(0))
    np.testing.assert_allclose(image[0, 0], 0.9 * np.array(GOLD.color), rtol=1e-5)


def test_what_is_mirrored_in_a_clear_stone_without_end_shows_the_mean_of_its_surroundings():
    record = facing_the_camera(np.array([0, 1, 16, 17]))
    record["end"][:, 1] = DARK
    glass = Material("clear", (1.0, 1.0, 1.0), ior=1.5)
    image, _ = show(traced(record, "stone", glass), radiance=0.5)
    np.testing.assert_allclose(image[0, 0], 0.5, rtol=1e-5)


def test_a_clear_stone_tints_what_is_seen_through_it_twice_and_its_mirror_image_never():
    stone = Material("clear", (0.5, 0.8, 1.0), ior=1.5)
    image, _ = show(traced(facing_the_camera(np.array([0, 1, 16, 17])), "stone", stone), radiance=0.5)
    np.testing.assert_allclose(image[0, 0], 0.5 * (0.04 + 0.96 * np.square(stone.color)), rtol=1e-4)


def test_a_polished_ground_mirrors_the_piece_below_it_and_the_answer_does_not():
    record = facing_the_camera(np.arange(4 * SIZE))  # the two upper rows
    piece = traced(record)
    ground = np.full((SIZE, SIZE, 3), 0.1, np.float32)
    made = shade.layers(piece, ground, surroundings(1.0), piece.materials, np.random.default_rng(0))
    floor = np.mean([shade.polished(np.random.default_rng(seed), made) for seed in range(32)], 0)
    assert floor[2].mean() > 1.1 * made.floor[2].mean()  # next to the piece
    assert floor[2, :, 0].max() < 0.9  # dimmer than it
    np.testing.assert_allclose(floor[-1], made.floor[-1], rtol=0.05)
    assert not made.answer[2:].any()


def test_a_prop_is_seen_and_never_counted():
    image, answer = show(traced(facing_the_camera(np.arange(16)), "prop", PROP))
    assert image[0, 0].mean() < 0.4
    assert not answer.any()


@pytest.mark.parametrize("side", [24, 384])
def test_octahedral_codes_find_the_pixel_of_their_direction(side):
    d = shade.directions(side).reshape(-1, 3).astype(float)
    np.testing.assert_array_equal(pixels(octahedral(d), side), np.arange(side * side))


def test_white_surroundings_light_every_normal_alike():
    # 24x24 directions stand for the sphere, so the sum over them is off by up to 2 %.
    np.testing.assert_allclose(shade._cosine().sum(1), 1.0, atol=0.02)


def test_redrawing_keeps_the_kind_of_material():
    rng = np.random.default_rng(5)
    for kind in ("pearl", "opaque", "matte"):
        assert shade.redrawn(rng, Material(kind, (0.5, 0.5, 0.5)), "stone").kind == kind
    assert shade.redrawn(rng, GOLD, "prop").kind == "metal"


def test_some_metals_are_carved_of_stone_or_wood_and_the_answer_says_so():
    rng = np.random.default_rng(5)
    drawn = [shade.redrawn(rng, GOLD, "metal") for _ in range(200)]
    carved = [made for made in drawn if made.kind == "opaque"]
    assert 0.05 < len(carved) / len(drawn) < 0.3
    assert all(made.kind in ("metal", "opaque") for made in drawn)
    for made, said in ((GOLD, [255, 255, 0]), (carved[0], [255, 0, 255])):
        _, answer = show(traced(facing_the_camera(np.array([0, 1, 16, 17])), "metal", made))
        assert answer[0, 0].tolist() == said


@pytest.mark.parametrize(("faceted", "share"), [(True, shade.CUT), (False, shade.SMOOTH)])
def test_few_faceted_stones_and_many_smooth_ones_are_redrawn_as_opaque(faceted, share):
    rng = np.random.default_rng(5)
    clear = Material("clear", (0.5, 0.5, 0.5))
    kinds = [shade.redrawn(rng, clear, "stone", faceted).kind for _ in range(600)]
    assert set(kinds) == {"clear", "opaque"}
    assert np.mean([kind == "opaque" for kind in kinds]) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_cut_stone_is_told_from_a_bead(sparse):
    """Facets of 6 px, beside a bead of 24 px."""
    record = facing_the_camera(np.arange(64 * 64))
    y, x = np.divmod(np.arange(64 * 64), 64)
    bead = x >= 32
    record["ident"] = bead
    lean = np.where(bead, x - 32 - 16, 20 * (x // 12)) / 24
    normal = np.stack([lean, np.where(bead, (y - 32) / 48, 0 * y), 0 * lean + 1], 1)
    record["normal"] = np.round(127 * normal / np.linalg.norm(normal, axis=1, keepdims=True))
    piece = replace(traced(record, "stone", GOLD), materials=(GOLD, GOLD), slots=("stone", "stone"), size=32)
    assert shade.faceted(shade.sparse(piece) if sparse else piece) == (True, False)


def test_most_props_keep_about_their_own_hue():
    """A leaf's green: lighter, darker, grayer, but green."""
    rng = np.random.default_rng(5)
    leaf = Material("matte", (0.1, 0.3, 0.05), 0.6, second=(0.06, 0.2, 0.03), frequency=4.0)
    drawn = [shade.redrawn(rng, leaf, "prop") for _ in range(300)]
    assert {made.kind for made in drawn} == {"matte"}
    natural = [made for made in drawn if made.second is not None]
    assert 1 - len(natural) / len(drawn) == pytest.approx(shade.GAUDY, abs=0.07)
    for made in natural:
        assert made.color[1] >= made.color[0] >= made.color[2]
        assert max(made.color) <= 0.95


def test_frosted_beads_are_matt_and_of_any_hue():
    rng = np.random.default_rng(5)
    drawn = [materials.frosted(rng) for _ in range(200)]
    assert min(made.roughness for made in drawn) >= 0.3
    colors = np.array([made.color for made in drawn])
    assert colors.max() <= 1
    assert (np.bincount(colors.argmax(1), minlength=3) > 30).all()


def test_what_is_dark_overhead_darkens_what_looks_up_and_little_beside(monkeypatch):
    def mean_radiance(share):
        monkeypatch.setattr(shade, "OVERHEAD", share)
        drawn = [shade.surroundings(np.random.default_rng(seed), low).levels[0].mean(-1) for seed in range(40)]
        return np.median(drawn, 0)

    monkeypatch.setattr(shade.assets, "light_maps", lambda: ["an even one"])
    monkeypatch.setattr(shade, "_light_map", lambda path: np.ones((256, 512, 3), np.float32))
    low = np.array([[0.95, 0, 0.31], [-0.95, 0, 0.31]], np.float32)
    up = shade.directions(shade.SIDE)[..., 2]
    dark, plain = mean_radiance(1.0), mean_radiance(0.0)
    assert dark[up > 0.98].mean() < 0.5 * plain[up > 0.98].mean()
    assert dark[(up > 0) & (up < 0.3)].mean() > 0.75 * plain[(up > 0) & (up < 0.3)].mean()


def test_some_opaque_stones_are_nearly_black_and_some_of_deep_colour():
    rng = np.random.default_rng(5)
    drawn = [shade.redrawn(rng, Material("opaque", (0.5, 0.5, 0.5)), "stone") for _ in range(200)]
    black = [max(made.color) < 0.07 and min(made.color) > 0.7 * max(made.color) for made in drawn]
    assert 0.15 < np.mean(black) < 0.4
    deep = [min(made.color) < 0.18 * max(made.color) for made in drawn]
    assert np.mean(deep) > 0.05


def test_some_opaque_stones_have_a_metals_colour():
    """From brick red to olive, dark to cream."""
    rng = np.random.default_rng(5)
    drawn = [shade.redrawn(rng, Material("opaque", (0.5, 0.5, 0.5)), "stone") for _ in range(200)]
    warm = [made.color[0] >= made.color[1] >= made.color[2] > 0.1 * made.color[0] for made in drawn]
    assert 0.25 < np.mean(warm) < 0.6
    colors = np.array([materials.earthy(rng).color for _ in range(500)])
    assert (colors[:, 0] >= colors[:, 1]).all()
    assert (colors[:, 1] >= colors[:, 2]).all()
    assert colors.max() < 0.65
    assert colors[:, 0].min() < 0.03


def test_a_seed_is_read_as_it_was_written(tmp_path):
    record = facing_the_camera(np.array([0, 5]))
    np.save(tmp_path / "7.npy", record)
    np.savez(tmp_path / "7.npz", shadow=np.full((3, 2, 2), 255, np.uint8))
    note = {"materials": [{"slot": "metal", **asdict(GOLD)}], "lamps": [[0, 0, 1], [0, 0, 1]], "size": SIZE}
    (tmp_path / "7.json").write_text(json.dumps(note))
    piece = shade.read(tmp_path / "7")
    assert piece.materials == (GOLD,)
    assert piece.slots == ("metal",)
    np.testing.assert_array_equal(piece.record, record)
