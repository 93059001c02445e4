import itertools
import threading
import time

import grpc
import pytest

from clients.client import PHOTO_BYTES, Answer, Client, Order, _request
from clients.errors import BadImage, BadLook, MilgrainError, Overloaded, ServerError, TimedOut, Unavailable
from server.contract import LOOK_BYTES, Look

PHOTOS = [(f"{n}.jpg", f"photo {n}".encode()) for n in range(40)]


def test_cut_sends_photo_and_look_and_reads_the_outputs_by_name(client):
    answer = client.cut(b"ring", Look(size=800), ensemble="cutout")
    assert answer.image == b"gnir"
    assert (answer.report["look"], answer.report["ensemble"]) == ({"size": 800}, "cutout")


def test_cut_names_the_answer_after_the_file(client, tmp_path):
    (tmp_path / "ring.jpg").write_bytes(b"ring")
    assert client.cut(tmp_path / "ring.jpg").name == str(tmp_path / "ring.jpg")


def test_photo_of_ten_megabytes_passes(client):
    assert client.cut(bytes(10_000_000)).report["bytes"] == 10_000_000


def test_photo_that_no_message_takes_is_a_bad_image_and_its_neighbours_do_not_notice(client, tmp_path, monkeypatch):
    monkeypatch.setattr("clients.client.PHOTO_BYTES", 10)
    (tmp_path / "ring.tif").write_bytes(bytes(11))
    for large in (bytes(11), tmp_path / "ring.tif"):
        with pytest.raises(BadImage, match=r"(photo|ring\.tif): 0\.0 MB, and no message"):
            client.cut(large)
    with pytest.raises(BadImage, match="photo: 0\\.0 MB"):
        client.submit(bytes(11)).result(5)
    photos = [("a", b"first"), ("large", bytes(11)), Order("order", bytes(11), Look()), ("z", bytes(10))]
    answers = dict(client.stream(photos, in_flight=1))
    assert {name: type(answer) for name, answer in answers.items()} == {
        "a": Answer, "large": BadImage, "order": BadImage, "z": Answer
    }  # fmt: skip


def test_largest_photo_and_look_make_a_message():
    """Their sizes alone are added up: the message would take 4 GiB here."""
    request = _request("4294967295", "ring.tif", b"", b"", "catalog", 2)
    request.inputs[0].shape[1], request.inputs[1].shape[1] = PHOTO_BYTES, LOOK_BYTES
    lengths = 2 * 10  # what protobuf writes before the two
    assert request.ByteSize() + lengths + PHOTO_BYTES + LOOK_BYTES < 2**31


ENSEMBLE = "in ensemble 'catalog', Failed to process the request(s) for model instance 'decode_0_1', message: "
WIRE_ERRORS = [
    ("INVALID_ARGUMENT", ENSEMBLE + "bad image: truncated JPEG", BadImage, "photo: bad image: truncated JPEG"),
    ("INVALID_ARGUMENT", "bad look: size: huge\n\nAt:\n  model.py(9): x\n", BadLook, "photo: bad look: size: huge"),
    ("UNAVAILABLE", "[request id: 7] Exceeds maximum queue size", Overloaded, "photo: Exceeds maximum queue size"),
    ("UNAVAILABLE", ENSEMBLE + "overloaded: 64 wait", Overloaded, "photo: overloaded: 64 wait"),
    ("RESOURCE_EXHAUSTED", "no memory", Overloaded, "photo: no memory"),
    ("UNAVAILABLE", "Server is stopping, bye", Unavailable, "photo: Server is stopping, bye"),
    ("NOT_FOUND", "'catalog' has no available versions", Unavailable, "photo: 'catalog' has no available versions"),
    ("DEADLINE_EXCEEDED", "too late", TimedOut, "photo: too late"),
    ("INTERNAL", ENSEMBLE + "ZeroDivisionError: x\n\nAt:\n model.py", ServerError, "photo: ZeroDivisionError: x"),
    ("NOT_FOUND", "Request for unknown model: 'catalog'", ServerError, "photo: Request for unknown model: 'catalog'"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "kind", "said"), WIRE_ERRORS, ids=[row[3] for row in WIRE_ERRORS])
def test_wire_error_becomes_the_class_that_says_what_to_do(client, script, status, message, kind, said):
    script.infer = lambda request, context: context.abort(grpc.StatusCode[status], message)
    with pytest.raises(MilgrainError) as raised:
        client.cut(b"ring")
    assert (type(raised.value), str(raised.value)) == (kind, said)


@pytest.mark.parametrize("content", [None, "a folder"])
def test_unreadable_file_is_a_bad_image_that_names_it(client, tmp_path, content):
    path = tmp_path / "gone.jpg"
    if content:
        path.mkdir()
    with pytest.raises(BadImage, match=r"gone\.jpg: .*(No such file|Is a directory)"):
        client.cut(path)


def test_server_that_is_not_there_is_unavailable(script):
    script.stop()
    with Client(script.address) as client:
        assert not client.ready()
        with pytest.raises(Unavailable):
            client.cut(b"ring", timeout=5)
        with pytest.raises(Unavailable, match="no server is ready at 127"):
            client.wait_ready(timeout=0.3)


def test_slow_cut_times_out(client, script):
    script.infer = lambda request, context: time.sleep(0.5) or script.reply(request).infer_response
    with pytest.raises(TimedOut):
        client.cut(b"ring", timeout=0.1)


def test_stream_matches_answers_that_come_in_another_order(client, script):
    def last_first(requests, context):
        yield from reversed([script.reply(request) for request in requests])

    script.stream = last_first
    got = list(client.stream(PHOTOS, in_flight=len(PHOTOS) + 1))
    assert [(name, answer.image) for name, answer in got] == [(name, photo[::-1]) for name, photo in reversed(PHOTOS)]


def test_photos_of_one_name_keep_their_own_pictures(client):
    got = list(client.stream([("ring.jpg", b"first"), ("ring.jpg", b"second")]))
    assert [(name, answer.image) for name, answer in got] == [("ring.jpg", b"tsrif"), ("ring.jpg", b"dnoces")]


def test_window_is_filled_and_never_exceeded(client, script):
    """The server answers only when it has heard nothing new for 0.2 s: by then the window is all it has."""
    photos, unanswered_when_quiet = PHOTOS[:12], []

    def patient(requests, context):
        heard, news = [], threading.Event()

        def listen():
            for request in requests:
                heard.append(request)
                news.set()

        listener = threading.Thread(target=listen)
        listener.start()
        for answered in range(len(photos)):
            while news.wait(0.2):
                news.clear()
            unanswered_when_quiet.append(len(heard) - answered)
            yield script.reply(heard[answered])
        listener.join()

    script.stream = patient
    assert len(list(client.stream(photos, in_flight=5))) == 12
    assert unanswered_when_quiet == [5] * 8 + [4, 3, 2, 1]


def test_photos_are_read_only_as_far_as_the_window_allows(client):
    pulled = 0

    def endless():
        nonlocal pulled
        for pulled in itertools.count(1):
            yield str(pulled), b"ring"

    answers = client.stream(endless(), in_flight=3)
    for taken in range(1, 51):
        next(answers)
        assert pulled <= taken + 3
    answers.close()
    time.sleep(0.1)
    assert pulled <= 50 + 3


def test_answers_do_not_wait_for_a_slow_source(client):
    answered = threading.Event()

    def camera():
        yield "first", b"ring"
        assert answered.wait(5), "the first answer was held back until the second photo"
        yield "second", b"ring"

    for _ in client.stream(camera(), in_flight=16):
        answered.set()


def test_refusals_are_values_and_the_stream_goes_on(client, script, tmp_path):
    script.refused = {b"photo 1": ENSEMBLE + "bad image: not a photo", b"photo 2": "Exceeds maximum queue size"}
    got = dict(client.stream([*PHOTOS[:4], tmp_path / "gone.jpg", ("last", b"last")]))
    assert isinstance(got["1.jpg"], BadImage)
    assert str(got["1.jpg"]) == "1.jpg: bad image: not a photo"
    assert isinstance(got["2.jpg"], Overloaded)
    gone = got[str(tmp_path / "gone.jpg")]
    assert isinstance(gone, BadImage)
    assert "gone.jpg: No such file" in str(gone)
    assert [got[name].image for name in ("0.jpg", "3.jpg", "last")] == [b"0 otohp", b"3 otohp", b"tsal"]


def test_nameless_bytes_are_numbered(client):
    assert [name for name, _ in client.stream([b"a", b"b"])] == ["photo 0", "photo 1"]


def test_server_that_dies_mid_stream_is_raised(client, script, nothing_left):
    answers = client.stream((("ring.jpg", b"ring") for _ in itertools.count()), in_flight=4)
    assert len(list(itertools.islice(answers, 10))) == 10
    script.stop()
    with pytest.raises(Unavailable, match=r"nothing under way|more unanswered"):
        list(answers)


def test_stream_that_the_server_ends_too_early_is_raised(client, script, nothing_left):
    script.stream = lambda requests, context: (script.reply(next(requests)) for _ in range(3))
    answers = client.stream(PHOTOS, in_flight=4)
    assert [next(answers)[0] for _ in range(3)] == ["0.jpg", "1.jpg", "2.jpg"]
    with pytest.raises(Unavailable, match="the server ended the stream"):
        next(answers)


@pytest.mark.parametrize("status", ["INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"])
def test_stream_that_ends_by_any_status_is_a_lost_server(client, script, nothing_left, status):
    def reset(requests, context):
        yield script.reply(next(requests))
        context.abort(grpc.StatusCode[status], "Received RST_STREAM with error code 2")

    script.stream = reset
    answers = client.stream(PHOTOS, in_flight=4)
    assert next(answers)[0] == "0.jpg"
    with pytest.raises(Unavailable, match="RST_STREAM"):
        next(answers)


def test_one_answer_too_late_is_raised_though_others_come(client, script, nothing_left):
    def skips_one(requests, context):
        next(requests)
        for request in requests:
            time.sleep(0.05)
            yield script.reply(request)

    script.stream = skips_one
    start = time.monotonic()
    with pytest.raises(TimedOut, match=r"^0\.jpg: no answer within 0\.5 s"):
        for _ in client.stream(((f"{n}.jpg", b"ring") for n in itertools.count()), in_flight=4, timeout=0.5):
            pass
    assert 0.5 <= time.monotonic() - start < 2


def test_slow_consumer_is_not_a_slow_server(client):
    for _ in client.stream(PHOTOS[:4], in_flight=2, timeout=0.3):
        time.sleep(0.4)


def test_closing_early_cancels_the_call_and_frees_the_source(client, script, nothing_left):
    cancelled = threading.Event()

    def watched(requests, context):
        context.add_callback(cancelled.set)
        yield from map(script.reply, requests)

    script.stream = watched
    for _ in client.stream((("ring.jpg", b"ring") for _ in itertools.count()), in_flight=2):
        break
    assert cancelled.wait(5)


def test_failure_of_the_callers_iterable_is_the_callers(client, nothing_left):
    def broken():
        yield "ring.jpg", b"ring"
        raise ZeroDivisionError("in the caller's code")

    with pytest.raises(ZeroDivisionError, match="in the caller's code"):
        list(client.stream(broken()))


def test_answer_to_nobody_is_raised(client, script, nothing_left):
    def invents(requests, context):
        request = next(requests)
        request.id = "invented"
        yield script.reply(request)

    script.stream = invents
    with pytest.raises(ServerError, match="not under way"):
        list(client.stream(PHOTOS))


def test_submitted_photo_that_is_refused_is_the_futures_error(client, script, nothing_left):
    script.infer = lambda request, context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad image: torn")
    with pytest.raises(BadImage, match="photo: bad image: torn"):
        client.submit(b"ring").result(5)


def test_window_of_nothing_is_refused(client):
    with pytest.raises(ValueError, match="in_flight is 0"):
        client.stream(PHOTOS, in_flight=0)
