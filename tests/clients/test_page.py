"""The page of a run, read as text and looked at in a real browser."""

import io
import shutil
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from clients.page import _upright, page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def row(sku, status="done", **fields):
    report = {
        "qa": {"coverage": 0.25, "unsure": 0.01, "bounds": [100, 50, 300, 150]},
        "picture": {"width": 400, "height": 400, "scale": 1.5},
    }
    kept = report if status == "done" else None
    return {
        "sku": sku, "photo": f"{sku}.jpg", "picture": f"{sku}.png", "status": status, "kind": None, "cause": None,
        "needs_review": False, "reasons": [], "preset": None, "violations": [], "report": kept,
    } | fields  # fmt: skip


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Rows of a run, one of each kind; of the one to review the photo is blue and the picture red."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (400, 200), (0, 0, 255)).save("ring & <b>.jpg", quality=95)
    picture = Image.new("RGB", (400, 400), (255, 0, 0))
    ImageDraw.Draw(picture).rectangle([0, 0, 20, 20], fill=(255, 255, 255))
    picture.save("ring & <b>.png")
    return [
        row("good"),
        row("ring & <b>", needs_review=True, reasons=["piece: runs off the photo (left)", "alpha: unsure over 12%"]),
        row("small", preset="amazon", violations=["fill: 0.5, must be at least 0.85"]),
        row("bad", "failed", kind="BadImage", cause="bad.jpg: bad image: truncated"),
        row("worse", "failed", kind="BadImage", cause="worse.jpg: bad image: truncated"),
        row("later", "left"),
    ]


def test_page_counts_groups_and_escapes(found):
    html = page(found, {"source": "list.csv", "out": "out", "started": "today"})
    for name, count in {"photos": 6, "done": 3, "failed": 2, "left": 1, "to review": 1}.items():
        assert f"<dt>{name}</dt><dd>{count}</dd>" in html
    assert "<td>BadImage: truncated</td><td>2</td>" in html
    assert "<td>piece: runs off the photo</td><td>1</td>" in html
    assert "<td>amazon: fill</td><td>1</td>" in html
    assert "<b>.jpg" not in html
    assert "ring &amp; &lt;b&gt;" in html
    assert html.count('class="slider"') == 1
    assert 'src="data:image/webp' in html
    assert "http" not in html.replace("http-equiv", "")


def test_page_of_many_rows_keeps_only_what_it_shows():
    """Each row carries 10 kB that the page does not show: 5000 of them would be 50 MB."""

    def many():
        for number in range(5000):
            report = {"qa": {"coverage": 0.25, "unsure": 0.01, "bounds": []}, "timings": "x" * 10_000}
            yield row(f"{number}", needs_review=number >= 2500, reasons=["piece: lost"], report=report)

    tracemalloc.start()
    html = page(many(), {})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "<dt>photos</dt><dd>5000</dd>" in html
    assert "<dt>to review</dt><dd>2500</dd>" in html
    assert "<p>500 more in results.jsonl</p>" in html
    assert 'title="0.25 to 0.30: 5000"' in html
    assert peak_bytes < 5e6


LEFT_IS_RED = np.zeros((20, 40, 3), np.uint8)
LEFT_IS_RED[:, :20, 0] = 255


def with_exif(tag, kind, value, orientation=6):
    """A photo whose EXIF holds an orientation and one more tag, of whatever type."""
    entries = [struct.pack("<HHII", 0x0112, 3, 1, orientation), struct.pack("<HHI", tag, kind, 1) + value]
    out = io.BytesIO()
    exif = b"Exif\0\0II*\0\x08\0\0\0\2\0" + b"".join(entries) + bytes(4)
    Image.fromarray(LEFT_IS_RED).save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


MISTYPED = {
    "maker is a fraction": (0x010F, 5, b"\1\0\0\0"),
    "resolution is text": (0x011A, 2, b"a\0\0\0"),
    "width is text": (0x0100, 2, b"a\0\0\0"),
    "unit is negative": (0x0128, 9, b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("tag", MISTYPED.values(), ids=MISTYPED)
def test_photo_is_turned_by_its_orientation_whatever_its_other_tags_are(found, tmp_path, tag):
    (tmp_path / "ring & <b>.jpg").write_bytes(with_exif(*tag))
    assert page(found, {}).count('class="slider"') == 1
    turned = np.asarray(_upright(Image.open(tmp_path / "ring & <b>.jpg")))
    assert turned.shape == (40, 20, 3)
    assert turned[:10, :, 0].min() > 200  # what the camera stored on the left is on top
    assert turned[30:, :, 0].max() < 60


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_every_orientation_is_undone_as_pillow_does(orientation):
    photo = Image.open(io.BytesIO(with_exif(0x0128, 3, b"\2\0\0\0", orientation)))
    assert _upright(photo).tobytes() == ImageOps.exif_transpose(photo).tobytes()


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_is_upright(orientation):
    assert _upright(Image.open(io.BytesIO(with_exif(0x0128, 3, b"\2\0\0\0", orientation)))).size == (40, 20)


def screenshot(tmp_path, html):
    (tmp_path / "report.html").write_text(html)
    shot = tmp_path / "shot.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1400"]
    places = [f"--user-data-dir={tmp_path}", f"--screenshot={shot}", f"file://{tmp_path}/report.html"]
    command = [CHROMIUM, *options, *places]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return np.asarray(Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")).astype(int)


def blue_and_red(pixels):
    """How many pixels of the slider show the photo, and how many the picture."""
    blue = (pixels[..., 2] > 200) & (pixels[..., 0] < 60)
    red = (pixels[..., 0] > 200) & (pixels[..., 2] < 60)
    return blue.sum(), red.sum()


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_slider_uncovers_the_photo_in_a_real_browser(found, tmp_path):
    html = page(found, {"source": "list.csv", "out": "out", "started": "today"})
    blue, red = blue_and_red(screenshot(tmp_path, html))
    assert blue > 5_000
    assert red > 5_000
    moved = html.replace(
        "</html>",
        """<script>
        const slider = document.querySelector(".slider input");
        slider.value = 100; slider.dispatchEvent(new Event("input"));
        document.querySelector("nav input[value=review]").click();
    </script></html>""",
    )
    more_blue, less_red = blue_and_red(screenshot(tmp_path, moved))
    assert more_blue > 1.5 * blue
    assert less_red < red / 2
