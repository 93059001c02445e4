"""How a server ends: asked to, and killed."""

import io
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from clients.client import Client
from clients.errors import Unavailable
from perf.running import running
from server.contract import Look


def family(server):
    """Triton and its stubs: all that `milgrain serve` has started."""
    children = psutil.Process(server.pid).children(recursive=True)
    assert any("tritonserver" in child.name() for child in children)
    assert len(children) > 6, "fewer processes than stages"
    return children


def shared_memory(server):
    """What Triton's Python backend holds in /dev/shm for this server."""
    return list(Path("/dev/shm").glob(f"milgrain-{server.pid}-*"))


def picture_size(answer):
    return Image.open(io.BytesIO(answer.image)).size


def test_sigterm_lets_the_answer_in_flight_arrive(canary):
    out = io.BytesIO()
    canary.resize((1800, 1800)).save(out, "PNG")  # large enough to be under way for a second or more
    large, look = out.getvalue(), Look(size=None)
    single, streamed = [], {}
    with running() as server, Client(server.grpc) as client:
        started = family(server)
        assert shared_memory(server)
        callers = [
            threading.Thread(target=lambda: single.append(client.cut(large, look))),
            threading.Thread(target=lambda: streamed.update(client.stream([("a", large), ("b", large)], look))),
        ]
        for caller in callers:
            caller.start()
        time.sleep(0.4)
        assert not single, "a photo was answered before the signal: take a larger one"
        assert not streamed
        os.kill(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while client.ready():
            assert time.monotonic() < deadline, "still ready long after SIGTERM"
        with pytest.raises(Unavailable):
            client.cut(large, look)
        for caller in callers:
            caller.join(60)
        assert psutil.Process(server.pid).wait(30) == 0
    assert [picture_size(answer) for answer in (*single, *streamed.values())] == [(1800, 1800)] * 3
    _, alive = psutil.wait_procs(started, timeout=5)
    assert not alive
    assert not shared_memory(server)


def test_sigkill_leaves_no_process_behind():
    with running() as server:
        started = family(server)
        os.kill(server.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive
        assert not shared_memory(server)


def test_sigkill_with_an_idle_stream_open_leaves_no_process_behind():
    """Triton waits for every open stream; the guard does not."""
    with running() as server, Client(server.grpc) as client:
        started = family(server)
        silent = threading.Event()
        replies = client._stub.ModelStreamInfer(iter(lambda: silent.wait() and None, None))
        os.kill(server.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(started, timeout=40)
        silent.set()
        replies.cancel()
        assert not alive
        assert not shared_memory(server)
