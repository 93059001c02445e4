"""Pieces are pure functions of their seed, lie on the table and keep to three slots."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the train extra is not installed: no scipy")

from training import pieces


@pytest.mark.parametrize("name", [*pieces.TRAINED, *pieces.HELD_OUT])
def test_a_family_is_determined_by_its_seed(name):
    first, second = (pieces.family(name)(np.random.default_rng(7)).rested() for _ in range(2))
    assert [part.material for part in first.parts] == [part.material for part in second.parts]
    for one, other in zip(first.parts, second.parts, strict=True):
        np.testing.assert_array_equal(one.mesh.points, other.mesh.points)


@pytest.mark.parametrize("name", [*pieces.TRAINED, *pieces.HELD_OUT])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_piece_lies_on_the_table_and_is_about_as_large_as_a_ring(name, seed):
    piece = pieces.family(name)(np.random.default_rng(seed)).rested()
    points = piece.points()
    assert np.isfinite(points).all()
    assert points[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert 0.5 < (points.max(0) - points.min(0)).max() / 2 < 4
    assert {part.slot for part in piece.parts} <= {"metal", "stone", "other"}


def test_held_out_families_are_never_drawn_for_training():
    assert not set(pieces.HELD_OUT) & set(pieces.TRAINED)
