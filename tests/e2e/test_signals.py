"""How a server ends: asked to, and killed."""

import io
import signal
import threading
import time

import psutil
import pytest
from PIL import Image

from clients.client import Client
from clients.errors import Unavailable
from perf.serving import serving
from server.contract import Look


def family(server):
    """Triton and its stubs: all that `milgrain serve` has started."""
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert any("tritonserver" in child.name() for child in children)
    assert len(children) > 6, "fewer processes than stages"
    return children


def test_sigterm_lets_the_answer_in_flight_arrive(canary):
    out = io.BytesIO()
    canary.resize((2400, 2400)).save(out, "PNG")  # large enough to be under way for a second or more
    answers = []
    with serving() as server, Client(server.grpc) as client:
        started = family(server)
        caller = threading.Thread(target=lambda: answers.append(client.cut(out.getvalue(), Look(size=None))))
        caller.start()
        time.sleep(0.4)
        assert caller.is_alive(), "the photo was answered before the signal: take a larger one"
        server.process.send_signal(signal.SIGTERM)
        caller.join(30)
        assert [Image.open(io.BytesIO(answer.image)).size for answer in answers] == [(2400, 2400)]
        assert server.process.wait(30) == 0
        with pytest.raises(Unavailable):
            client.cut(out.getvalue(), timeout=5)
    gone, alive = psutil.wait_procs(started, timeout=5)
    assert not alive


def test_sigkill_leaves_no_process_behind():
    with serving() as server:
        started = family(server)
        server.process.kill()
        gone, alive = psutil.wait_procs(started, timeout=30)
        assert not alive
