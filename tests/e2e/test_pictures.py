"""What leaves the server, judged on the bytes that leave."""

import io

import numpy as np
import pytest
from PIL import Image

from clients.client import Answer
from server.contract import Look


def decoded(answer):
    return np.asarray(Image.open(io.BytesIO(answer.image)))


def bounds(inside):
    """Rows and columns of the bounding box of a boolean picture: top, bottom, left, right."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_every_sample_photo_becomes_a_picture(client, root, photos):
    samples = sorted((root / "docs" / "photos").glob("*.jpg"))
    answers = dict(client.stream([*samples, *photos.items()], Look(size=400)))
    assert set(answers) == {*map(str, samples), *photos}
    for name, answer in answers.items():
        assert isinstance(answer, Answer), f"{name}: {answer}"
        assert {"photo", "picture", "models", "timings_ms", "needs_review", "reasons"} <= set(answer.report), name
        height, width, _ = decoded(answer).shape
        assert (width, height) == (answer.report["picture"]["width"], answer.report["picture"]["height"])
        assert answer.report["picture"]["bytes"] == len(answer.image)
        assert answer.report["needs_review"] == bool(answer.report["reasons"])


@pytest.mark.parametrize(("suffix", "kind"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_white_is_exactly_white_in_the_file(client, photos, suffix, kind):
    """The PNG says which pixels are background; each of them is 255 in every format, JPEG's rounding or not."""
    photo = photos["good.png"]
    background = (decoded(client.cut(photo, Look(size=300, format="png"))) == 255).all(-1)
    assert 0.2 < background.mean() < 0.9
    answer = client.cut(photo, Look(size=300, format=suffix))
    image = Image.open(io.BytesIO(answer.image))
    assert (image.format, image.mode) == (kind, "RGB")
    assert "icc_profile" in image.info
    assert (np.asarray(image)[background] == 255).all()


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_colour_is_exactly_the_colour(client, photos, suffix):
    picture = decoded(client.cut(photos["good.png"], Look(size=300, background="#2b7fe1", format=suffix)))
    assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] == (0x2B, 0x7F, 0xE1)).all()


def test_transparent_is_straight_alpha(client, photos):
    look = Look(size=200, upscale=True, background="transparent", format="png")
    picture = decoded(client.cut(photos["good.png"], look))
    assert picture.shape == (200, 200, 4)
    alpha = picture[..., 3]
    assert (alpha[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert (alpha == 255).mean() > 0.05


@pytest.mark.parametrize(("size", "fill"), [(200, 0.85), ((300, 180), 0.5), ((180, 300), 0.95)])
def test_piece_is_centred_on_its_share_of_the_canvas(client, photos, size, fill):
    look = Look(size=size, fill=fill, upscale=True, background="transparent", format="png")
    alpha = decoded(client.cut(photos["good.png"], look))[..., 3]
    assert look.canvas
    width, height = look.canvas
    assert alpha.shape == (height, width)
    top, bottom, left, right = bounds(alpha > 127)
    # Half-covered edge pixels and the rounding of the frame may each move a side by about a pixel.
    assert max((bottom - top) / height, (right - left) / width) == pytest.approx(fill, abs=4 / min(width, height))
    assert abs((top + bottom) - height) <= 6
    assert abs((left + right) - width) <= 6


def test_small_piece_gets_a_smaller_canvas_and_the_report_says_so(client, photos):
    answer = client.cut(photos["good.png"], Look(size=2000))
    side = answer.report["picture"]["width"]
    assert decoded(answer).shape == (side, side, 3)
    assert side < 2000
    assert any(reason.startswith("size: asked for 2000x2000") for reason in answer.report["reasons"])


def test_without_a_size_the_photos_own_framing_stays(client, photos):
    answer = client.cut(photos["good.webp"], Look(size=None))
    with Image.open(io.BytesIO(photos["good.webp"])) as photo:
        width, height = photo.size
    assert decoded(answer).shape == (height, width, 3)


def test_cutout_is_rgba_at_the_photos_size(client, photos):
    answer = client.cut(photos["good.tiff"], Look(format="png"), ensemble="cutout")
    with Image.open(io.BytesIO(photos["good.tiff"])) as photo:
        width, height = photo.size
    assert decoded(answer).shape == (height, width, 4)


def test_matte_is_the_alpha_of_the_cutout(client, photos):
    photo = photos["good.tiff"]
    cutout = decoded(client.cut(photo, Look(format="png"), ensemble="cutout"))
    matte = decoded(client.cut(photo, Look(format="png", matte=True), ensemble="cutout"))
    assert (matte == cutout[..., 3]).all()


def test_same_photo_gives_the_same_bytes(client, photos):
    """What lets the tests of bad input compare neighbours byte by byte."""
    first, second = (client.cut(photos["good.jpeg"], Look(size=300)).image for _ in range(2))
    assert first == second
