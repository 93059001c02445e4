"""What the launcher asks the running server, of a real gRPC server that each test scripts."""

from __future__ import annotations

import time
from concurrent import futures

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from server import control

FULL = "in ensemble 'catalog', overloaded: 9 photos wait already, at most 8 may"


class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Refuses as many photos as there are refusals left, then answers."""

    def __init__(self):
        self.refusals = []

    def ModelInfer(self, request, context):
        if self.refusals:
            context.abort(grpc.StatusCode.UNAVAILABLE, self.refusals.pop())
        return service_pb2.ModelInferResponse()


@pytest.fixture
def servicer():
    return Servicer()


@pytest.fixture
def triton(servicer):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)
    server.stop(None).wait()


def test_canary_waits_its_turn_where_callers_were_faster(servicer, triton):
    servicer.refusals = [FULL] * 3
    assert control._canary(triton, time.monotonic() + 20)
    assert not servicer.refusals


@pytest.mark.parametrize(("refusals", "seconds"), [(["decode failed"], 20), ([FULL] * 100, 0.5)])
def test_canary_that_is_not_answered_is_told(servicer, triton, capfd, refusals, seconds):
    servicer.refusals = refusals
    assert not control._canary(triton, time.monotonic() + seconds)
    assert "the canary photo was not answered" in capfd.readouterr().err
