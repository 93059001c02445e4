"""Props are sound meshes that are never jewelry; clutter keeps them off the piece unless one goes through it."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the train extra is not installed: no scipy")

from training import hand, pieces, props
from training.geometry import ring_path, tube
from training.piece import Material, Part, Piece

KINDS = {"metal": {1.5}, "clear": {1.55, 1.76, 2.417}, "opaque": {1.5}, "matte": {1.5}}


@pytest.mark.parametrize("name", props.PROPS)
def test_a_prop_stands_on_the_table_and_is_never_jewelry(name):
    parts = props.PROPS[name][0](np.random.default_rng(3), 0.5)
    points = np.concatenate([part.mesh.points for part in parts])
    assert np.isfinite(points).all()
    assert points[:, 2].min() >= -1e-6
    assert {part.slot for part in parts} == {"other"}
    assert all(part.material.ior in KINDS[part.material.kind] for part in parts)
    assert all(part.mesh.faces.max() < len(part.mesh.points) for part in parts)
    assert sum(len(part.mesh.faces) for part in parts) < 60_000


def test_clutter_is_determined_by_its_seed_and_often_absent():
    piece = pieces.family("band")(np.random.default_rng(5)).rested()
    counts = []
    for seed in range(12):
        first, second = (props.clutter(np.random.default_rng(seed), piece) for _ in range(2))
        assert [part.material for part in first] == [part.material for part in second]
        assert all((a.mesh.points == b.mesh.points).all() for a, b in zip(first, second, strict=True))
        assert {part.slot for part in first} <= {"other"}
        counts.append(len(first))
    assert 0 < counts.count(0) < len(counts)


@pytest.mark.parametrize("seed", range(6))
def test_petals_are_strewn_about_a_piece_in_one_material_and_are_never_jewelry(seed):
    piece = pieces.family("chain")(np.random.default_rng(seed)).rested()
    first, second = (props.strewn(np.random.default_rng(seed), piece) for _ in range(2))
    assert 1 <= len(first) <= 7
    assert all((a.mesh.points == b.mesh.points).all() for a, b in zip(first, second, strict=True))
    assert {part.slot for part in first} == {"other"}
    assert len({part.material for part in first}) == 1
    assert np.concatenate([part.mesh.points for part in first])[:, 2].min() >= -1e-6


def test_the_hole_of_a_leaning_ring_is_found_and_a_finger_fits_it():
    gold = Material("metal", (1.0, 0.8, 0.4))
    ring = Piece("band", (Part(tube(ring_path(1.0), 0.1, closed=True), gold, "metal"),))
    lean = np.array([[1, 0, 0], [0, np.cos(0.8), -np.sin(0.8)], [0, np.sin(0.8), np.cos(0.8)]])
    found = props.hole(ring.moved(lean, (0.3, 0.2, 0.9)))
    assert found is not None
    middle, axis, free = found
    np.testing.assert_allclose(middle, [0.3, 0.2, 0.9], atol=0.01)
    np.testing.assert_allclose(axis, lean[:, 2], atol=0.01)
    assert free == pytest.approx(0.9, abs=0.01)
    rod = hand.finger(np.random.default_rng(0), 0.93 * free, 6.0)
    # Creases and swellings move the surface by a few per cent of the radius.
    assert np.abs(rod.points[:, 2]).max() < free


def test_without_the_fetched_mesh_a_hand_is_built_of_fingers(monkeypatch, tmp_path):
    monkeypatch.setattr(hand, "HAND", tmp_path / "left.glb")
    mesh = hand.hand(np.random.default_rng(1), 0.4)
    assert mesh.points[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert mesh.points[:, 0].min() == pytest.approx(0, abs=1e-9)
