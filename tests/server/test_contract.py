from __future__ import annotations

import base64
import json

import pytest

from server.contract import BAD_LOOK, Look, parse_look


def test_default_is_white_jpeg_2000():
    look = parse_look(b"{}")
    assert (look.background, look.format, look.canvas, look.rgb) == ("white", "jpeg", (2000, 2000), (255, 255, 255))


@pytest.mark.parametrize(
    "look",
    [Look(), Look(background="#102030", size=(800, 600)), Look(size=None, format="png", relight=0.5, shadow=0.4)],
)
def test_survives_the_wire(look):
    assert parse_look(look.to_bytes()) == look


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (b'{"colour": "red"}', "colour: unknown field"),
        (b'{"background": "beige"}', "background: "),
        (b'{"size": 3}', "size: "),
        (b'{"fill": 0}', "fill: "),
        (b'{"relight": 2}', "relight: "),
        (b'{"shadow": 1.5}', "shadow: "),
        (b'{"decontaminate": -1}', "decontaminate: "),
        (b'{"background": "transparent", "format": "png", "shadow": 0.5}', "a shadow needs a background"),
        (b'{"quality": 10}', "quality: "),
        (b'{"format": "bmp"}', "format: "),
        (b'{"background": "transparent"}', "needs format png or webp"),
        (b'{"scene": ""}', "scene: "),
        (b'{"fill": 5e-324}', "fill: "),
        (b'{"scene": "!!!"}', "scene: "),
        (b'{"size": 100', "look: "),
        (b"\xff\xfe", "look: "),
        (b"[]", "look: "),
    ],
)
def test_refuses_and_names_the_field(sent, named):
    with pytest.raises(ValueError, match="^" + BAD_LOOK) as refusal:
        parse_look(sent)
    assert named in str(refusal.value)


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(ValueError, match=r"fill.*quality"):
        parse_look(b'{"fill": 9, "quality": 1}')


def test_what_no_look_needs_is_refused_by_its_size():
    """The largest scene fits, in lines as `base64` writes it; blanks without end do not, for looks are kept."""
    scene = base64.encodebytes(bytes(8_000_000))
    assert len(parse_look(json.dumps({"scene": scene.decode()}).encode()).scene) == 8_000_000
    kept = parse_look.cache_info().currsize
    with pytest.raises(ValueError, match=rf"^{BAD_LOOK}look: 12\.0 MB"):
        parse_look(b"{" + b" " * 12_000_000 + b"}")
    assert parse_look.cache_info().currsize == kept
