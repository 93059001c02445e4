import io

import pytest
from PIL import Image

from clients.client import Answer
from clients.errors import BadImage
from perf.demo import Run, write


@pytest.fixture
def answer():
    out = io.BytesIO()
    Image.new("RGBA", (40, 30), (200, 160, 90, 128)).save(out, "PNG")
    report = {
        "photo": {"width": 40, "height": 30},
        "picture": {"width": 80, "height": 80},
        "qa": {"coverage": 0.25, "unsure": 0.01},
        "models": {"segment": {"name": "rings", "version": "3"}},
        "timings_ms": dict.fromkeys(("decode", "segment", "refine", "composite", "encode", "waiting"), 100.0)
        | {"locate": 40.0, "crop": 10.0, "relight": 0.0, "total": 650.0},
        "needs_review": True,
        "reasons": ["piece: <none> was found"],
    }
    return Answer("", out.getvalue(), report)


def test_contact_sheet_shows_answers_and_failures(tmp_path, answer):
    """Whatever stands in a name or a message is text, not HTML; the page needs no file but its own."""
    photos = [tmp_path / "a&b.jpg", tmp_path / "broken.jpg"]
    Image.new("RGB", (40, 30), "tan").save(photos[0])
    photos[1].write_bytes(b"<b>")
    failure = BadImage("broken.jpg: bad image: <truncated>")
    run = Run({str(photos[0]): answer, str(photos[1]): failure}, 2.0)
    write(tmp_path / "demo", photos, run, run)
    page = (tmp_path / "demo" / "index.html").read_text()
    assert page.count("<section>") == 2
    assert page.count('src="data:image/webp;base64,') == 3
    assert "a&amp;b" in page
    assert "bad image: &lt;truncated&gt;" in page
    assert "piece: &lt;none&gt; was found" in page
    assert "1 of 2 answered" in page
    assert "0.50 photos/s" in page
    assert "locate 40 ms" in page
    assert "relight" not in page[page.index("<section>") : page.rindex("</section>")]
    assert sorted(str(path.relative_to(tmp_path / "demo")) for path in (tmp_path / "demo").rglob("*.*")) == [
        "cutout/a&b.png", "index.html", "photos/a&b.jpg", "photos/broken.jpg", "white/a&b.jpg",
    ]  # fmt: skip
