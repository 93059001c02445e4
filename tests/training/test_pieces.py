"""Pieces are pure functions of their seed, lie on the table and keep to three slots."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the train extra is not installed: no scipy")

from training import pieces, poses
from training.pieces import pressed_glass

FAMILIES = [*pieces.TRAINED, *pieces.NAMED, *pieces.HELD_OUT]
# What `render.COUNTS` compiles; a part of any other kind would not be drawn at all.
RENDERED = {
    ("metal", 1.5),
    ("clear", 1.55),
    ("clear", 1.76),
    ("clear", 2.417),
    ("opaque", 1.5),
    ("pearl", 1.6),
    ("matte", 1.5),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_determined_by_its_seed(name):
    first, second = (pieces.family(name)(np.random.default_rng(7)).rested() for _ in range(2))
    assert [part.material for part in first.parts] == [part.material for part in second.parts]
    for one, other in zip(first.parts, second.parts, strict=True):
        np.testing.assert_array_equal(one.mesh.points, other.mesh.points)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_piece_lies_on_the_table_and_is_about_as_large_as_a_ring(name, seed):
    piece = pieces.family(name)(np.random.default_rng(seed)).rested()
    points = piece.points()
    assert piece.family == name
    assert np.isfinite(points).all()
    assert points[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert 0.5 < (points.max(0) - points.min(0)).max() / 2 < 4


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("seed", [3, 4])
def test_a_piece_is_jewelry_that_the_renderer_can_draw(name, seed):
    piece = pieces.family(name)(np.random.default_rng(seed))
    slots = {part.slot for part in piece.parts}
    assert slots <= {"metal", "stone", "other"}
    assert slots & {"metal", "stone"}
    assert {(part.material.kind, part.material.ior) for part in piece.parts} <= RENDERED
    assert sum(len(part.mesh.faces) for part in piece.parts) < 400_000
    for part in piece.parts:
        assert part.mesh.faces.min() >= 0
        assert part.mesh.faces.max() < len(part.mesh.points)


def test_held_out_families_are_never_drawn_for_training():
    assert not set(pieces.HELD_OUT) & set(pieces.TRAINED)
    drawn = {pieces.make(np.random.default_rng(seed)).family for seed in range(60)}
    assert not drawn & set(pieces.HELD_OUT)


def test_a_family_made_by_name_is_never_drawn():
    piece = pieces.make(np.random.default_rng(11), name="pressed_glass")
    assert piece.family == "pressed_glass"
    assert piece.points()[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert not set(pieces.NAMED) & {*pieces.TRAINED, *pieces.HELD_OUT}


@pytest.mark.parametrize("seed", range(4))
def test_a_pressed_bead_is_a_closed_flat_body(seed):
    mesh = pressed_glass.pressed(np.random.default_rng(seed), 0.5)
    a, b, c = (mesh.points[mesh.faces[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    size = np.ptp(mesh.points, axis=0)
    assert size[1] == pytest.approx(1.0, abs=0.15)
    assert size[2] < 0.7 * size[1]
    assert 0.2 * size.prod() < abs(volume) < 0.8 * size.prod()


def test_two_tone_changes_metal_only():
    piece = pieces.family("solitaire")(np.random.default_rng(2))
    mixed = pieces.two_tone(np.random.default_rng(0), piece)
    metals = {part.material for part in mixed.parts if part.slot == "metal"}
    assert len(metals) == 2
    for before, after in zip(piece.parts, mixed.parts, strict=True):
        assert after.mesh is before.mesh
        assert before.slot == "metal" or after == before


@pytest.mark.parametrize("seed", range(8))
def test_a_raised_piece_hangs_over_the_table_and_is_the_same_piece(seed):
    piece = pieces.family("chain")(np.random.default_rng(seed)).rested()
    held = poses.raised(np.random.default_rng(seed), piece)
    assert 0.08 <= held.points()[:, 2].min() <= 0.8
    assert [part.material for part in held.parts] == [part.material for part in piece.parts]

    def spread(points):
        return np.linalg.norm(points - points.mean(0), axis=1)

    np.testing.assert_allclose(spread(held.points()), spread(piece.points()), atol=1e-9)
