"""Every photo fails alone: a clear cause, its neighbours' pictures untouched, the server alive."""

import io
import re
import struct
import zlib

import grpc
import pytest
from PIL import Image

from clients.client import Answer, wire
from clients.errors import BadImage, BadLook, ServerError, refusal
from server.contract import Look

LOOK = Look(size=300)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data):
    """A gray PNG by hand: its header may promise what its data does not hold."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def encode(image, name):
    out = io.BytesIO()
    image.save(out, name)
    return out.getvalue()


@pytest.fixture(scope="session")
def bad(canary):
    """Bad photos by name: their bytes, and what the message must say."""
    jpeg = encode(canary, "JPEG")
    zeros = zlib.compress(bytes(30_000), 9) * 4
    return {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "header-only.jpg": (jpeg[:200], "damaged|truncated"),
        "truncated.png": (encode(canary, "PNG")[:5000], "truncated"),
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"Dear customer, attached please find our rings.\n" * 20, "not a JPEG, PNG, WebP or TIFF"),
        "gif.jpg": (encode(canary, "GIF"), "not a JPEG, PNG, WebP or TIFF"),
        "pixel.png": (encode(Image.new("RGB", (1, 1)), "PNG"), "1x1"),
        "header-30000x30000.png": (png(30_000, 30_000, b""), "30000x30000"),
        "bomb-30000x30000.png": (png(30_000, 30_000, zeros), "30000x30000"),
    }


NAMES = ["truncated.jpg", "header-only.jpg", "truncated.png", "empty.jpg", "text.jpg", "gif.jpg", "pixel.png",
         "header-30000x30000.png", "bomb-30000x30000.png"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_bad_photo_alone_is_named_with_its_cause(client, bad, tmp_path, name):
    data, cause = bad[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadImage, match=rf"{name}: bad image: .*({cause})"):
        client.cut(path)
    assert client.ready()


def test_bad_photos_do_not_touch_their_neighbours(client, photos, bad):
    def pictures(stream):
        return {name: answer.image for name, answer in stream if isinstance(answer, Answer)}

    good = list(photos.items())
    alone = pictures(client.stream(good, LOOK))
    mixed = [photo for name in NAMES for photo in ((name, bad[name][0]), *good)]
    seen = list(client.stream(mixed, LOOK, in_flight=6))
    assert len(seen) == len(mixed)
    for name, answer in seen:
        if name in bad:
            assert isinstance(answer, BadImage), f"{name}: {answer}"
            assert str(answer).startswith(f"{name}: bad image: ")
        else:
            assert isinstance(answer, Answer), f"{name}: {answer}"
            assert answer.image == alone[name]
    assert client.ready()


class NewerLook(Look):
    """What a client newer than its server might send."""

    sparkle: float = 0.0


def test_unknown_look_is_named(client, photos):
    with pytest.raises(BadLook, match=r"photo: bad look: sparkle: unknown field"):
        client.cut(photos["good.png"], NewerLook(sparkle=0.5))


def test_unknown_look_fails_every_photo_and_nobody_elses(client, photos):
    before = client.cut(photos["good.png"], LOOK).image
    answers = dict(client.stream(photos.items(), NewerLook(size=300, sparkle=0.5)))
    assert {type(answer) for answer in answers.values()} == {BadLook}
    assert client.cut(photos["good.png"], LOOK).image == before


def tensors(photo, look=b"{}", **wrong):
    """A request by hand, wrong where asked."""
    request = wire.ModelInferRequest(model_name=wrong.get("model", "catalog"), id=wrong.get("id", "1"))
    for name, data in ((wrong.get("name", "photo"), photo), ("look", look)):
        if data is not None:
            shape = wrong.get("shape", [1, len(data)]) if data is photo else [1, len(data)]
            request.inputs.add(name=name, datatype=wrong.get("dtype", "UINT8"), shape=shape)
            request.raw_input_contents.append(data)
    return request


def image(reply):
    response = reply.infer_response
    return dict(zip([output.name for output in response.outputs], response.raw_output_contents, strict=True))["image"]


WRONG = {
    "dtype": ({"dtype": "INT8"}, "data-type is 'INT8'"),
    "no batch axis": ({"shape": [4]}, "shape|batch"),
    "three axes": ({"shape": [1, 2, 2]}, "unexpected shape"),
    "shape larger than the data": ({"shape": [1, 400]}, "expected .*400|byte size"),
    "name": ({"name": "picture"}, "unexpected inference input 'picture'|missing required"),
    "no look": ({"look": None}, "missing required input"),
    "unknown ensemble": ({"model": "catalogue"}, "unknown model: 'catalogue'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tensor_is_refused_in_a_stream_and_the_stream_goes_on(client, photos, case):
    """Not what our client sends: what somebody's own does."""
    wrong, cause = WRONG[case]
    good = photos["good.png"]
    requests = [
        tensors(good, LOOK.to_bytes(), id="before"),
        tensors(b"abcd", **({"look": b"{}", "id": "wrong"} | wrong)),
        tensors(good, LOOK.to_bytes(), id="after"),
    ]
    replies = {reply.infer_response.id: reply for reply in client._stub.ModelStreamInfer(iter(requests), timeout=60)}
    assert replies.keys() == {"before", "wrong", "after"}
    refused = refusal(replies["wrong"].error_message, "wrong")
    assert type(refused) is ServerError
    assert re.match(rf"wrong: .*({cause})", str(refused)), str(refused)
    assert image(replies["before"]) == image(replies["after"])
    assert client.ready()


OPERATORS = {
    "RepositoryModelUnload": wire.RepositoryModelUnloadRequest(model_name="catalog"),
    "SystemSharedMemoryRegister": wire.SystemSharedMemoryRegisterRequest(name="a", key="/a", byte_size=1),
    "TraceSetting": wire.TraceSettingRequest(),
    "LogSettings": wire.LogSettingsRequest(),
}


@pytest.mark.parametrize("call", OPERATORS)
def test_callers_cannot_do_what_is_the_operators(client, call):
    """It needs a token that only `milgrain serve` knows; a picture answered into a stage's memory ends the server."""
    with pytest.raises(grpc.RpcError, match="restricted"):
        getattr(client._stub, call)(OPERATORS[call], timeout=5)
    assert client.ready()
