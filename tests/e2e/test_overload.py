"""More photos than the server can take: the rest is refused, what is admitted is answered, urgent ones first."""

import threading
import time

import pytest

from clients.client import Answer, Client, Order
from clients.errors import Overloaded
from perf.running import running
from server.contract import Look

LOOK = Look(size=None)


@pytest.fixture(scope="module")
def small():
    """A server of its own that lets six photos wait."""
    with running("--max-waiting=6") as server:
        yield server


def test_what_is_too_much_is_refused_and_what_is_admitted_is_answered(small, photos):
    with Client(small.grpc) as client:
        results = dict(client.stream([(str(n), photos["good.jpeg"]) for n in range(60)], LOOK, in_flight=60))
        kinds = {type(result) for result in results.values()}
        assert kinds == {Answer, Overloaded}
        answered = sum(isinstance(result, Answer) for result in results.values())
        assert 6 <= answered <= 40
        start = time.monotonic()
        assert isinstance(client.cut(photos["good.jpeg"], LOOK), Answer)
        assert time.monotonic() - start < 5


def test_caller_that_dies_takes_no_room_with_it(small, photos):
    for _ in range(4):
        with Client(small.grpc) as client:
            pending = [client.submit(photos["good.jpeg"], LOOK) for _ in range(6)]
        assert all(future.exception(10) for future in pending if not future.done() or future.exception())
    with Client(small.grpc) as client:
        deadline = time.monotonic() + 10
        while True:
            try:
                client.cut(photos["good.jpeg"], LOOK)
                break
            except Overloaded:
                assert time.monotonic() < deadline
                time.sleep(0.2)


def test_urgent_photo_overtakes_those_of_an_overnight_run(client, photos):
    order, urgent_at = [], []

    def overnight():
        orders = (Order(str(n), photos["good.jpeg"], LOOK, priority=2) for n in range(24))
        for name, answer in client.stream(orders, in_flight=24):
            assert isinstance(answer, Answer)
            order.append(name)

    caller = threading.Thread(target=overnight)
    caller.start()
    while not order:
        time.sleep(0.01)
    client.cut(photos["good.jpeg"], LOOK)
    urgent_at.append(len(order))
    caller.join()
    assert urgent_at[0] < 16, "it waited for nearly all of them"
