from __future__ import annotations

import pytest

from perf import pieces


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one megabyte of renders, whose calls have room for 300 kB."""
    monkeypatch.setattr(pieces, "ROOT", tmp_path)
    monkeypatch.setattr(pieces, "PIECES", tmp_path / ".pieces")
    monkeypatch.setattr(pieces, "room", lambda: 300_000)
    pieces.PIECES.mkdir()
    (tmp_path / "training/.data").mkdir(parents=True)
    return tmp_path


def test_an_archive_is_unpacked_once_all_of_its_parts_have_come(checkout, rng):
    noise = rng.bytes(1_000_000)
    render = checkout / "training/.data/1.photo.jpg"
    render.write_bytes(noise)
    pieces.pack("renders", {render}, checkout)
    render.unlink()
    parts = sorted(pieces.PIECES.iterdir())
    assert [part.name for part in parts] == [f"renders.{k}-of-4" for k in (1, 2, 3, 4)]
    assert all(part.stat().st_size <= 300_000 for part in parts)
    late = parts[2].rename(checkout / "late")
    pieces.unpack()
    assert not render.exists()
    late.rename(parts[2])
    pieces.unpack()
    assert render.read_bytes() == noise
    assert not list(pieces.PIECES.iterdir()), "parts that stay would be unpacked again by every call"


def test_links_travel_as_links_and_caches_not_at_all(tmp_path):
    kept = tmp_path / "bin" / "python3.12"
    for path in (kept, tmp_path / "lib" / "__pycache__" / "a.pyc", tmp_path / "scipy" / "tests" / "test_a.py"):
        path.parent.mkdir(parents=True)
        path.touch()
    link = kept.with_name("python")
    link.symlink_to("python3.12")
    assert pieces.entries(tmp_path) == {kept, link}


def test_what_every_call_carries_leaves_room_for_a_part():
    assert 20 * 2**20 < pieces.room() < 62 * 2**20
