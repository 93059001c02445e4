"""The short form of `python -m perf.kills`: client, Triton and both killed -9 in the middle of a small batch."""

import json

import pytest
from PIL import Image

from perf.kills import Killing, make_photos


@pytest.mark.slow
def test_nothing_is_lost_double_or_torn(tmp_path):
    killing = Killing(tmp_path, photos=24)
    make_photos(tmp_path / "in", 24)
    with killing.stack:
        killing.run(["client", "both"], seed=3)
    verdict = killing.verdict()
    assert Killing.is_good(verdict), verdict
    assert len(killing.kills) == 2


def test_the_verdict_sees_lost_double_and_torn(tmp_path):
    """The checker is checked: three photos, of which one is torn, one is lost, and a picture too many."""
    make_photos(tmp_path / "in", 3)
    out, run = tmp_path / "out", tmp_path / "out.run"
    out.mkdir(), run.mkdir()
    Image.new("RGB", (9, 9)).save(out / "00000.jpg")
    (out / "00000 (1).jpg").write_bytes(b"again")
    rows = [
        {"sku": "a", "photo": str(tmp_path / "in/00000.jpg"), "picture": str(out / "00000.jpg"), "status": "done",
         "sha256": "other", "cause": None},
        {"sku": "b", "photo": "b", "picture": None, "status": "left", "sha256": None, "cause": None},
    ]  # fmt: skip
    (run / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    verdict = Killing(tmp_path, photos=3).verdict()
    assert (verdict["lost"], verdict["double"], len(verdict["torn"])) == (2, 1, 1)
    assert not Killing.is_good(verdict)
