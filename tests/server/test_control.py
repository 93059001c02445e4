"""What the launcher asks the running server, of a real gRPC server that each test scripts."""

from __future__ import annotations

import socket
import time
from concurrent import futures
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from server import control
from server.contract import ENSEMBLES, STAGES
from server.engines import SILENT

FULL = "in ensemble 'catalog', overloaded: 9 photos wait already, at most 8 may"


class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Refuses as many photos as there are refusals left, then answers; is ready, and unloads what it is told to."""

    def __init__(self):
        self.refusals = []
        self.unloaded = set()

    def ModelReady(self, request, context):
        return service_pb2.ModelReadyResponse(ready=True)

    def RepositoryModelUnload(self, request, context):
        self.unloaded.add(request.model_name)
        return service_pb2.RepositoryModelUnloadResponse()

    def RepositoryIndex(self, request, context):
        return service_pb2.RepositoryIndexResponse()

    def ModelInfer(self, request, context):
        if self.refusals:
            context.abort(grpc.StatusCode.UNAVAILABLE, self.refusals.pop())
        return service_pb2.ModelInferResponse()


@pytest.fixture
def servicer():
    return Servicer()


@pytest.fixture
def ports(servicer):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield control.Ports("127.0.0.1", port, 0, 0)
    server.stop(None).wait()


@pytest.fixture
def triton(ports):
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc}") as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def test_canary_waits_its_turn_where_callers_were_faster(servicer, triton):
    servicer.refusals = [FULL] * 3
    assert control._canary(triton, time.monotonic() + 20)
    assert not servicer.refusals


@pytest.mark.parametrize(("refusals", "seconds"), [(["decode failed"], 20), ([FULL] * 100, 0.5)])
def test_canary_that_is_not_answered_is_told(servicer, triton, capfd, refusals, seconds):
    servicer.refusals = refusals
    assert not control._canary(triton, time.monotonic() + seconds)
    assert "the canary photo was not answered" in capfd.readouterr().err


@pytest.fixture
def proxy(monkeypatch):
    """A listening socket that `http_proxy` names."""
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy", "grpc_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening.getsockname()[1]}")
        listening.settimeout(5)
        yield listening


def test_the_server_is_asked_and_drained_past_the_proxy(servicer, ports, proxy, capfd):
    """An ordinary channel of gRPC goes to the proxy, even for an address of this machine."""
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc}") as channel, pytest.raises(grpc.RpcError):
        service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelReady(service_pb2.ModelReadyRequest(), timeout=0.5)
    proxy.accept()[0].close()
    proxy.settimeout(0.2)

    process = SimpleNamespace(poll=lambda: None)
    ensemble = SimpleNamespace(platform="ensemble", ensemble_scheduling=SimpleNamespace(step=[]))
    configs = dict.fromkeys(STAGES | ENSEMBLES, ensemble)
    assert control.announce(process, ports, configs, control.Described(Path(), SILENT), time.monotonic() + 10)
    control.drain(ports, "token", 5)
    assert servicer.unloaded == set(ENSEMBLES)
    with pytest.raises(TimeoutError):
        proxy.accept()
    assert "could not drain" not in capfd.readouterr().err
