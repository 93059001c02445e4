"""A real gRPC server in this process, whose two inference calls each test scripts."""

import gc
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from clients.client import Client

wire: Any = service_pb2


def response(request: Any, doubts: Sequence[str] = ()) -> Any:
    """Answer as Triton does: the picture is the photo's bytes reversed, the report echoes what was asked."""
    photo, look = request.raw_input_contents
    report = {"bytes": len(photo), "look": json.loads(look), "ensemble": request.model_name}
    report |= {"needs_review": bool(doubts), "reasons": doubts}
    reply = wire.ModelInferResponse(id=request.id, raw_output_contents=[json.dumps(report).encode(), photo[::-1]])
    reply.outputs.add(name="report", datatype="UINT8", shape=[1, len(reply.raw_output_contents[0])])
    reply.outputs.add(name="image", datatype="UINT8", shape=[1, len(photo)])
    return reply


@dataclass
class Script:
    """What the server shall do. `refused` maps a photo's bytes to what Triton would say, `doubts` to the reasons."""

    address: str = ""
    refused: dict[bytes, str] = field(default_factory=dict)
    doubts: dict[bytes, list[str]] = field(default_factory=dict)
    infer: Callable[[Any, grpc.ServicerContext], Any] = lambda request, _: response(request)
    stream: Callable[[Iterator[Any], grpc.ServicerContext], Iterator[Any]] | None = None
    _server: grpc.Server | None = None

    def start(self, port: int = 0) -> None:
        """Start the server on that port of the loopback, 0 for a free one; its address is in `address`."""
        options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(self), self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        self._server.start()

    def stop(self) -> None:
        """Cut every connection and stop listening."""
        if self._server:
            self._server.stop(None).wait()

    def reply(self, request: Any) -> Any:
        """Return one message of the answering stream."""
        photo = request.raw_input_contents[0]
        if message := self.refused.get(photo):
            return wire.ModelStreamInferResponse(
                error_message=message, infer_response=wire.ModelInferResponse(id=request.id)
            )
        return wire.ModelStreamInferResponse(
            infer_response=response(request, self.doubts.get(request.raw_input_contents[0], []))
        )


class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):
    def __init__(self, script: Script):
        self.script = script

    def ModelReady(self, request, context):
        return wire.ModelReadyResponse(ready=request.name in ("catalog", "cutout"))

    def ModelInfer(self, request, context):
        return self.script.infer(request, context)

    def ModelStreamInfer(self, request_iterator, context):
        if self.script.stream:
            yield from self.script.stream(request_iterator, context)
        else:
            yield from map(self.script.reply, request_iterator)


@pytest.fixture
def script():
    script = Script()
    script.start()
    yield script
    script.stop()


@pytest.fixture
def client(script):
    with Client(script.address) as client:
        yield client


@pytest.fixture
def nothing_left():
    """Fail when a thread that the test started still runs at its end, or a call waits for the garbage collector.

    A call that the interpreter's end finds alive may wait for ever, for a lock that a thread of gRPC's held when it
    was ended.
    """
    before = set(threading.enumerate())
    gc.collect()
    gc.disable()
    yield
    try:
        deadline = time.monotonic() + 5
        while left := [t.name for t in set(threading.enumerate()) - before if "ThreadPoolExecutor" not in t.name]:
            assert time.monotonic() < deadline, f"still running: {left}"
            time.sleep(0.02)
        assert not [it for it in gc.get_objects() if isinstance(it, grpc.Call) and isinstance(it, grpc.Future)]
    finally:
        gc.enable()
