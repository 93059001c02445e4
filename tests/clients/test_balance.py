"""Several servers: the least busy takes the next, a dead one is out, urgent photos go first."""

import threading
import time
from pathlib import Path

import grpc
import pytest

from clients import balance, client, store
from clients.balance import answers
from clients.client import Answer
from clients.errors import BadImage, ServerError
from clients.source import PRIORITIES, Job


@pytest.fixture
def jobs(tmp_path):
    def make(count, priority=PRIORITIES["batch"]):
        found = []
        for number in range(count):
            photo = tmp_path / f"{priority}-{number:03}.jpg"
            photo.write_bytes(photo.name.encode())
            found.append(Job(photo.name, str(photo), str(tmp_path / "out" / photo.name), priority=priority))
        return found

    return make


@pytest.fixture
def servers(script):
    """The scripted server, and a second one."""
    other = type(script)()
    other.start()
    yield script, other
    other.stop()


def paced(script, seconds):
    """Answer one photo at a time, each after `seconds`; note the photos."""
    seen = []

    def stream(requests, context):
        for request in requests:
            seen.append(request.raw_input_contents[0].decode())
            time.sleep(seconds)
            yield script.reply(request)

    script.stream = stream
    return seen


def test_the_faster_server_gets_more(servers, jobs, nothing_left):
    fast, slow = paced(servers[0], 0.01), paced(servers[1], 0.1)
    outcomes = list(answers([each.address for each in servers], jobs(60), in_flight=4))
    assert sorted(fast + slow) == sorted(outcome.job.sku for outcome in outcomes)
    assert len(fast) > 3 * len(slow)
    assert len(slow) > 2


def test_equal_servers_get_equal_shares(servers, jobs):
    first, second = paced(servers[0], 0.02), paced(servers[1], 0.02)
    list(answers([each.address for each in servers], jobs(60), in_flight=4))
    assert abs(len(first) - len(second)) <= 12


def test_every_server_is_full_before_the_first_answer(servers, jobs):
    """Neither answers before its window is full: a lane that sleeps until an answer comes would wait for ever."""
    opened = []

    def answers_when_full(script):
        def stream(requests, context):
            opened.append(script.address)
            full = [next(requests) for _ in range(4)]
            yield from map(script.reply, full)

        return stream

    for script in servers:
        script.stream = answers_when_full(script)
    outcomes = list(answers([each.address for each in servers], jobs(8), in_flight=4, timeout=2))
    assert sorted(opened) == sorted(each.address for each in servers)
    assert all(isinstance(outcome.result, Answer) for outcome in outcomes)


def test_overloaded_server_gets_what_it_takes_and_does_not_hold_up_the_other(servers, jobs, monkeypatch):
    """One refuses every second photo, and is slow; the other takes all it gets."""
    monkeypatch.setattr(balance, "PAUSE", 0.01)

    def narrow(requests, context):
        for number, request in enumerate(requests):
            if number % 2:
                servers[0].refused = {request.raw_input_contents[0]: "overloaded: 1 photos wait already"}
            yield servers[0].reply(request)
            servers[0].refused = {}
            time.sleep(0.05)

    def wide(requests, context):
        yield from map(servers[1].reply, requests)

    servers[0].stream, servers[1].stream = narrow, wide
    outcomes = list(answers([each.address for each in servers], jobs(80), in_flight=8))
    assert all(isinstance(outcome.result, Answer) for outcome in outcomes)
    served = [outcome.server for outcome in outcomes]
    assert served.count(servers[1].address) > 3 * served.count(servers[0].address)


def test_dead_server_is_out_and_its_photos_go_to_the_other(servers, jobs, nothing_left):
    paced(servers[0], 0.01), paced(servers[1], 0.01)
    outcomes = []
    for outcome in answers([each.address for each in servers], jobs(80), in_flight=4):
        outcomes.append(outcome)
        if len(outcomes) == 20:
            servers[1].stop()
    assert len(outcomes) == len({outcome.job.sku for outcome in outcomes}) == 80
    assert all(isinstance(outcome.result, Answer) for outcome in outcomes)
    assert {outcome.server for outcome in outcomes[40:]} == {servers[0].address}


def test_file_that_no_message_takes_fails_alone(script, jobs, monkeypatch, nothing_left):
    """By a message of 2 GiB gRPC ends the stream, and all that is under way on it. The file is not even read."""
    seen, given, read = paced(script, 0.01), jobs(9), []
    with Path(given[4].photo).open("wb") as file:
        file.truncate(2**31)
    monkeypatch.setattr(store, "read", lambda path: read.append(path) or Path(path).read_bytes())
    outcomes = {outcome.job.sku: outcome.result for outcome in answers([script.address], given)}
    refused = outcomes.pop(given[4].sku)
    assert isinstance(refused, BadImage)
    assert str(refused) == f"{given[4].photo}: 2,147.5 MB, and no message to a server takes more than 2,135.4"
    assert all(isinstance(result, Answer) for result in outcomes.values())
    assert seen == sorted(outcomes)
    assert given[4].photo not in read


def test_object_that_no_message_takes_fails_alone(script, jobs, monkeypatch):
    """What is behind a URL is known by its size only once it is here."""
    monkeypatch.setattr(client, "PHOTO_BYTES", 20)
    monkeypatch.setattr(store, "read", lambda path: bytes(21) if path == "s3://shop/a.tif" else b"ring")
    given = [*jobs(4), Job("large", "s3://shop/a.tif", "out/large.jpg")]
    outcomes = {outcome.job.sku: outcome.result for outcome in answers([script.address], given)}
    assert isinstance(outcomes.pop("large"), BadImage)
    assert all(isinstance(result, Answer) for result in outcomes.values())


def resets(script, requests, context):
    """End the stream as a proxy that gives up does."""
    yield script.reply(next(requests))
    context.abort(grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2")


def invents(script, requests, context):
    """Answer a photo that nobody sent."""
    request = next(requests)
    request.id = "invented"
    yield script.reply(request)


@pytest.mark.parametrize("breaks", [resets, invents])
def test_server_whose_stream_breaks_is_out_and_the_run_goes_on(servers, jobs, nothing_left, breaks):
    paced(servers[0], 0.01)
    servers[1].stream = lambda requests, context: breaks(servers[1], requests, context)
    outcomes = list(answers([each.address for each in servers], jobs(80), in_flight=2))
    assert len(outcomes) == 80
    assert all(isinstance(outcome.result, Answer) for outcome in outcomes)


def test_server_that_comes_back_is_used_again(servers, jobs):
    paced(servers[0], 0.03), paced(servers[1], 0.01)
    port = int(servers[1].address.rpartition(":")[2])
    outcomes = []
    for outcome in answers([each.address for each in servers], jobs(200), in_flight=2):
        outcomes.append(outcome)
        if len(outcomes) == 20:
            servers[1].stop()
            threading.Timer(0.3, servers[1].start, (port,)).start()
    assert servers[1].address in {outcome.server for outcome in outcomes[-20:]}


def test_urgent_photos_go_first(script, jobs):
    seen = paced(script, 0.01)
    list(answers([script.address], [*jobs(10), *jobs(5, PRIORITIES["interactive"])], in_flight=2))
    assert [name.partition("-")[0] for name in seen] == ["1"] * 5 + ["2"] * 10


def test_priority_and_look_reach_the_server(script, jobs):
    seen = []

    def stream(requests, context):
        for request in requests:
            seen.append(request.parameters["priority"].uint64_param)
            yield script.reply(request)

    script.stream = stream
    list(answers([script.address], [*jobs(1), *jobs(1, PRIORITIES["interactive"])]))
    assert seen == [1, 2]


def test_window_is_kept_per_server(script, jobs):
    under_way, most = set(), []

    def stream(requests, context):
        waiting = []
        for request in requests:
            waiting.append(request)
            under_way.add(request.id)
            most.append(len(under_way))
            if len(waiting) == 3 or request.id == "9":
                for each in waiting:
                    under_way.discard(each.id)
                    yield script.reply(each)
                waiting = []

    script.stream = stream
    assert len(list(answers([script.address], jobs(10), in_flight=3))) == 10
    assert max(most) == 3


def test_failure_of_the_server_is_tried_again_but_not_for_ever(script, jobs, monkeypatch):
    monkeypatch.setattr(balance, "PAUSE", 0.01)
    failing = {"2-000.jpg": 2, "2-001.jpg": 99}
    tries = []

    def stream(requests, context):
        for request in requests:
            name = request.raw_input_contents[0].decode()
            tries.append(name)
            script.refused = {}
            if failing.get(name, 0) > 0:
                failing[name] -= 1
                script.refused = {name.encode(): "stub process is not healthy"}
            yield script.reply(request)

    script.stream = stream
    found = {outcome.job.sku: outcome.result for outcome in answers([script.address], jobs(3), in_flight=1)}
    assert isinstance(found["2-000.jpg"], Answer)
    assert isinstance(found["2-001.jpg"], ServerError)
    assert tries.count("2-001.jpg") == balance.ATTEMPTS
    assert tries.count("2-002.jpg") == 1


def test_neighbours_of_a_photo_that_takes_the_server_down_are_not_given_up(script, jobs, monkeypatch):
    """All are under way when it dies; only the culprit is there when it dies of that photo alone."""
    monkeypatch.setattr(balance, "PAUSE", 0.01)

    def dies_of_poison(requests, context):
        waiting = []
        for request in requests:
            if request.raw_input_contents[0] == b"2-003.jpg":
                return
            waiting.append(request)
            if len(waiting) == 4 or (len(waiting) == 1 and request.id == "0"):
                yield from map(script.reply, waiting)
                waiting = []

    script.stream = dies_of_poison
    found = {outcome.job.sku: outcome.result for outcome in answers([script.address], jobs(5), in_flight=5)}
    assert [sku for sku, result in found.items() if not isinstance(result, Answer)] == ["2-003.jpg"]


def test_patience_is_not_for_the_callers_own_time(script, jobs):
    """One server is down, the other waits for room; the caller takes longer over a picture than they have patience."""
    outcomes = []
    for outcome in answers([script.address, "127.0.0.1:9"], jobs(4), in_flight=1, patience=1):
        outcomes.append(outcome)
        if len(outcomes) == 1:
            time.sleep(2)
    assert [type(outcome.result) for outcome in outcomes] == [Answer] * 4


def test_caller_that_stops_early_leaves_no_thread(script, jobs, nothing_left):
    paced(script, 0.01)
    outcomes = answers([script.address], jobs(50), in_flight=4)
    next(outcomes)
    outcomes.close()


def test_error_of_ours_is_raised_in_the_caller(script, jobs, monkeypatch):
    def broken(path):
        raise ZeroDivisionError(path)

    monkeypatch.setattr(balance.store, "read", broken)
    with pytest.raises(ZeroDivisionError):
        list(answers([script.address], jobs(3)))
