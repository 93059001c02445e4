"""The limit of photos that wait, held against a page of metrics such as Triton's."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from server import admission
from server.admission import Admission, waiting

PAGE = """# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{model="decode",version="1"} 500
nv_inference_pending_request_count{model="refine",version="1"} %d
nv_inference_pending_request_count{model="encode",version="1"} 1
"""


@pytest.fixture
def metrics(monkeypatch):
    """A server of metrics: refine's queue is `metrics.refine` long, `metrics.reads` counts the looks at it."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            server.reads += 1
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write((PAGE % server.refine).encode())

        def log_message(self, *_):
            """Say nothing."""

    monkeypatch.setattr(admission, "INTERVAL", 0.0)
    server = HTTPServer(("127.0.0.1", 0), Page)
    server.refine, server.reads, server.status = 0, 0, 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(metrics):
    return f"127.0.0.1:{metrics.server_port}"


def test_photos_behind_decode_count_and_those_before_it_do_not(metrics):
    metrics.refine = 7
    assert waiting(address(metrics)) == 8


def test_limit_is_kept_and_room_is_found_again(metrics):
    door = Admission(10, address(metrics))
    for _ in range(10):
        door.enter()
    assert metrics.reads == 0
    metrics.refine = 9
    with pytest.raises(ValueError, match="overloaded: 10 photos wait already, at most 10 may"):
        door.enter()
    metrics.refine = 2
    for _ in range(7):
        door.enter()
    assert metrics.reads == 2


def test_an_error_page_is_not_an_empty_server(metrics):
    metrics.status = 500
    with pytest.raises(OSError, match=r"\(500\) does not say how many requests wait"):
        waiting(address(metrics))


def test_no_limit_and_no_metrics_admit_all():
    for door in (Admission(0, "127.0.0.1:1"), Admission(5, "")):
        for _ in range(20):
            door.enter()
