"""The rules of marketplaces, on files made to break each of them."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from clients.compliance import check
from clients.presets import load_preset, preset_names

MILGRAIN = Path(sys.executable).with_name("milgrain")


def picture(size=(2000, 2000), fill=0.86, ground=(255, 255, 255), mode="RGB"):
    """A tan disc on plain ground that spans `fill` of the shorter side."""
    image = Image.new(mode, size, ground)
    reach = fill * min(size) / 2
    middle = (size[0] / 2, size[1] / 2)
    box = [middle[0] - reach, middle[1] - reach, middle[0] + reach - 1, middle[1] + reach - 1]
    ImageDraw.Draw(image).ellipse(box, fill=(200, 160, 90, 255)[: len(image.getbands())])
    return image


def file(image, form="PNG", **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def broken(data, preset):
    return {found.rule for found in check(data, load_preset(preset)) if not found.kept}


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_has_a_look_that_its_own_rules_allow(preset):
    wanted = load_preset(preset)
    size, fill = wanted.look["size"], wanted.look.get("fill", 0.85)
    data = file(picture((size, size), fill), wanted.look["format"].upper(), quality=95, subsampling=0)
    broke = {found.rule for found in check(data, wanted) if not found.kept}
    assert broke <= {"background"}  # Pillow's JPEG is not exact; the server's is, see tests/e2e
    assert wanted.source
    assert wanted.looked_up.year >= 2026


def test_good_picture_keeps_all():
    findings = check(file(picture()), load_preset("amazon"))
    assert [found.rule for found in findings] == ["format", "longest side", "longest side", "background", "fill"]
    assert all(found.kept for found in findings)


def test_one_gray_pixel_far_from_the_piece_is_found():
    image = picture()
    image.putpixel((3, 3), (254, 255, 255))
    (found,) = [found for found in check(file(image), load_preset("amazon")) if not found.kept]
    assert str(found) == "background: white, 1 pixels are not, must be white"


def test_soft_edge_is_no_background():
    image = picture()
    ImageDraw.Draw(image).ellipse([135, 135, 1864, 1864], outline=(252, 252, 252), width=4)
    assert broken(file(image), "amazon") == set()


CASES = [
    (picture((900, 900)), "PNG", "amazon", {"longest side"}),
    (picture((2200, 2200)), "TIFF", "amazon-jewelry", {"longest side"}),
    (picture(), "PNG", "amazon-jewelry", {"format"}),
    (picture(fill=0.82), "PNG", "amazon", {"fill"}),
    (picture(fill=0.82), "TIFF", "amazon-jewelry", set()),
    (picture(fill=0.95), "PNG", "google-merchant", {"fill"}),
    (picture((400, 600), 1.0), "PNG", "google-merchant", {"shortest side", "fill"}),
    (picture(ground=(255, 255, 255, 0), mode="RGBA"), "PNG", "google-merchant", set()),
    (picture(ground=(255, 255, 255, 0), mode="RGBA"), "PNG", "amazon", {"background"}),
    (picture(ground=(250, 250, 250)), "PNG", "walmart", {"background"}),
    (picture().convert("CMYK"), "JPEG", "walmart", {"colour space"}),
    (picture((6000, 6000)), "WEBP", "shopify", {"pixels"}),
    (picture((1900, 2400)), "PNG", "etsy", {"shortest side"}),
]


@pytest.mark.parametrize(("image", "form", "preset", "rules"), CASES)
def test_rule_that_is_broken_is_named(image, form, preset, rules):
    seen = broken(file(image, form), preset)
    assert (seen - {"background"} if form == "JPEG" else seen) == rules  # Pillow's JPEG is not exact


def test_dark_ground_is_taken_for_the_piece_and_breaks_the_fill_of_google():
    assert "fill" in broken(file(picture(ground=(20, 20, 20))), "google-merchant")


def test_file_size():
    noise = Image.effect_noise((2600, 2600), 90).convert("RGB")
    assert "file size" in broken(file(noise), "walmart")


def test_what_is_no_picture_says_so():
    (found,) = check(b"ring", load_preset("amazon"))
    assert (found.rule, found.kept) == ("readable", False)


def test_command_as_text_and_json(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(file(picture()))
    bad.write_bytes(file(picture(fill=0.5)))

    def milgrain(*arguments):
        command = [MILGRAIN, "check", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert milgrain(good, "--preset", "amazon").returncode == 0
    text = milgrain(good, bad, "--preset", "amazon")
    assert text.returncode == 1
    assert "  FAIL fill: 0.5 (at least 0.85)" in text.stdout.splitlines()
    told = json.loads(milgrain(good, bad, "--preset", "amazon", "--json").stdout)
    assert [each["kept"] for each in told["files"]] == [True, False]
    assert told["looked_up"] == "2026-11-23"
    unknown = milgrain(good, "--preset", "nobody")
    assert (unknown.returncode, "amazon-jewelry" in unknown.stderr) == (2, True)
    assert milgrain(tmp_path / "gone.png", "--preset", "amazon").returncode == 2
