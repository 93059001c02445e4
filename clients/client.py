"""Send photos to a milgrain server: one at a time, or a stream of thousands through a bounded window."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from clients.errors import BadImage, MilgrainError, ServerError, TimedOut, Unavailable, refusal
from server.contract import ENSEMBLES, IMAGE, LOOK, LOOK_BYTES, PHOTO, REPORT, Look

Ensemble = Literal["catalog", "cutout"]
Photo = bytes | str | os.PathLike[str]
"""Encoded bytes, or the path of a file."""

CATALOG = Look()
"""White, square, framed: what catalogs ask for."""

PHOTO_BYTES = 2**31 - LOOK_BYTES - 2**16
"""Most bytes of a photo: protobuf writes no message of 2 GiB or more, and by such a one gRPC ends the whole stream."""

wire: Any = service_pb2  # its messages are made at import, where no type checker sees them

CHANNEL = (
    ("grpc.max_send_message_length", -1),  # the server's limits hold, not gRPC's 4 MB
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),  # a restarted server is found within seconds, not minutes
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One photo's picture: its file's bytes, and the server's report on it."""

    name: str
    image: bytes
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One photo of a stream with a look of its own. Priority 1 overtakes 2 where photos wait in the server."""

    name: str
    photo: bytes
    look: Look
    priority: int = 2


@dataclass(frozen=True, slots=True)
class _Sent:
    """A photo leaves for the server."""

    id: str
    name: str
    deadline: float


@dataclass(frozen=True, slots=True)
class _AllSent:
    """The caller's iterable is exhausted; only answers follow."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """The caller's iterable raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class _Ended:
    """The stream is over: the server ended it, or the connection was lost, by this status and for this reason."""

    status: grpc.StatusCode | None = None
    reason: str = ""


class Client:
    """A connection to one server. Threads may share it."""

    def __init__(self, address: str = "localhost:8001") -> None:
        self.address = address
        self._channel = grpc.insecure_channel(address, options=CHANNEL)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; streams still open end with Unavailable."""
        self._channel.close()

    def ready(self, timeout: float = 2.0) -> bool:
        """Tell whether the server is there and both of its ensembles can answer."""
        try:
            return all(
                self._stub.ModelReady(wire.ModelReadyRequest(name=ensemble), timeout=timeout).ready
                for ensemble in ENSEMBLES
            )
        except grpc.RpcError:  # Unreachable is an answer to this question, not a failure.
            return False

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Return as soon as the server is ready; raise Unavailable if it is not within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.ready(timeout=max(0.1, min(2.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise Unavailable(f"no server is ready at {self.address} (waited {timeout:g} s)")
            time.sleep(0.2)

    def cut(
        self, photo: Photo, look: Look = CATALOG, *, ensemble: Ensemble = "catalog", timeout: float | None = None
    ) -> Answer:
        """Return the picture of one photo, or raise the MilgrainError that says why there is none."""
        name = _name(photo, "photo")
        request = _request("", name, _read(photo, name), look.to_bytes(), ensemble)
        try:
            return _answer(name, self._stub.ModelInfer(request, timeout=timeout))
        except grpc.RpcError as lost:
            raise _error(*_status(lost), name) from lost

    def submit(
        self, photo: bytes, look: Look = CATALOG, *, ensemble: Ensemble = "catalog", timeout: float | None = None
    ) -> Future[Answer]:
        """Send one photo and return at once; the future holds its answer, or the MilgrainError that `cut` raises.

        Nothing bounds how many are under way: that is the caller's to do.
        """
        answer: Future[Answer] = Future()
        answer.set_running_or_notify_cancel()

        def settle(call: Any) -> None:
            try:
                lost = call.exception()
            except grpc.FutureCancelledError:
                answer.set_exception(Unavailable("photo: the connection was closed"))
                return
            if lost:
                answer.set_exception(_error(*_status(lost), "photo"))
            else:
                answer.set_result(_answer("photo", call.result()))

        try:
            request = _request("", "photo", photo, look.to_bytes(), ensemble)
        except BadImage as too_large:
            answer.set_exception(too_large)
        else:
            self._stub.ModelInfer.future(request, timeout=timeout).add_done_callback(settle)
        return answer

    def stream(
        self,
        photos: Iterable[Photo | tuple[str, bytes] | Order],
        look: Look = CATALOG,
        *,
        ensemble: Ensemble = "catalog",
        in_flight: int = 8,
        timeout: float | None = None,
    ) -> Generator[tuple[str, Answer | MilgrainError], None, None]:
        """Yield `(name, answer)` as answers arrive, in whatever order; at most `in_flight` are unanswered.

        A name is the path, or what came with the bytes; names may repeat. An Order brings a look of its own. `photos`
        is read in a thread of its own, only as far as the window allows. A photo that is refused, or cannot be read,
        comes as an error in its place:
        BadImage is final; Overloaded, and Unavailable from a server that is stopping, may be sent again later.
        Raise Unavailable when the stream ends before its last answer, by whatever status, TimedOut when one answer
        takes longer than `timeout` seconds.
        """
        if in_flight < 1:
            raise ValueError(f"in_flight is {in_flight}; at least one photo must be under way")
        return self._stream(photos, look.to_bytes(), ensemble, in_flight, float("inf") if timeout is None else timeout)

    def _stream(
        self,
        photos: Iterable[Photo | tuple[str, bytes] | Order],
        look: bytes,
        ensemble: Ensemble,
        in_flight: int,
        timeout: float,
    ) -> Generator[tuple[str, Answer | MilgrainError], None, None]:
        # Three threads: gRPC's own pulls `outgoing`, `incoming` reads replies, and the caller's keeps the books.
        # They share nothing but `events`, where a photo's _Sent always comes before its reply.
        slots = threading.Semaphore(in_flight)
        closed = threading.Event()
        events: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def tickets() -> Iterator[None]:
            while slots.acquire() and not closed.is_set():
                yield

        def outgoing() -> Iterator[Any]:
            try:
                for number, (_, photo) in enumerate(zip(tickets(), photos, strict=False)):
                    if isinstance(photo, Order):
                        order = photo
                        name, request_look, priority = order.name, order.look.to_bytes(), order.priority
                        photo = order.photo
                    else:
                        name, photo = photo if isinstance(photo, tuple) else (_name(photo, f"photo {number}"), photo)
                        request_look, priority = look, 0
                    try:
                        request = _request(str(number), name, _read(photo, name), request_look, ensemble, priority)
                    except BadImage as refused:
                        events.put((name, refused))
                    else:
                        events.put(_Sent(str(number), name, time.monotonic() + timeout))
                        yield request
                events.put(_AllSent())
            except GeneratorExit:  # gRPC drops what is left when the call is over
                raise
            except BaseException as error:  # The caller's own iterable failed: raise it in the caller's thread.
                events.put(_Broken(error))

        def incoming(call: Any) -> None:
            try:
                for reply in call:
                    events.put(reply)
                events.put(_Ended())
            except grpc.RpcError as lost:
                # What gRPC raises is the call itself. By its traceback it would hold itself until the interpreter
                # ends, and then wait for a lock that one of gRPC's threads, ended before, may have held.
                lost.__traceback__ = None
                events.put(_Ended(*_status(lost)))

        call = self._stub.ModelStreamInfer(outgoing())
        reader = threading.Thread(target=incoming, args=(call,), name="milgrain-replies", daemon=True)
        reader.start()
        unanswered: dict[str, _Sent] = {}
        all_sent = False
        try:
            while True:
                event = _next(events, unanswered, timeout)
                if isinstance(event, _Sent):
                    unanswered[event.id] = event
                elif isinstance(event, _AllSent):
                    all_sent = True
                elif isinstance(event, _Broken):
                    raise event.error
                elif isinstance(event, _Ended):
                    if event.status is None and all_sent and not unanswered:
                        return
                    raise _ended_early(event, unanswered)
                else:
                    slots.release()
                    yield event if isinstance(event, tuple) else _settle(event, unanswered)
        finally:
            closed.set()
            slots.release()  # wakes `outgoing` if it waits for a slot
            call.cancel()
            reader.join()
            del call  # or the error that is raised here holds it, see above


def _next(events: queue.SimpleQueue[Any], unanswered: dict[str, _Sent], timeout: float) -> Any:
    """Return the next event; raise TimedOut when the photo that waits longest has waited `timeout` seconds."""
    while True:
        oldest = next(iter(unanswered.values()), None)
        wait = timeout if oldest is None else max(0.0, oldest.deadline - time.monotonic())
        try:
            return events.get(timeout=None if wait == float("inf") else wait)
        except queue.Empty:
            if oldest is not None:
                raise TimedOut(f"{oldest.name}: no answer within {timeout:g} s") from None


def _settle(reply: Any, unanswered: dict[str, _Sent]) -> tuple[str, Answer | MilgrainError]:
    """Match one reply with its photo."""
    sent = unanswered.pop(reply.infer_response.id, None)
    if sent is None:
        raise ServerError(f"the server answered a photo that is not under way: {reply.error_message or 'no message'}")
    if reply.error_message:
        return sent.name, refusal(reply.error_message, sent.name)
    return sent.name, _answer(sent.name, reply.infer_response)


def _ended_early(end: _Ended, unanswered: dict[str, _Sent]) -> Unavailable:
    """Return the error of a stream that ended before its last answer.

    Its status is no answer to a photo: a proxy may reset a stream by any (INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED).
    """
    names = [sent.name for sent in unanswered.values()]
    left = f"{names[0]} and {len(names) - 1} more unanswered" if names else "nothing under way"
    if end.status is None:
        return Unavailable(f"{left}: the server ended the stream")
    return Unavailable(f"{left}: {end.reason or end.status.name}")


def _status(lost: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Return a failed call's status and reason; gRPC's own errors are calls too, and carry them."""
    assert isinstance(lost, grpc.Call)
    return lost.code(), lost.details() or ""


def _error(status: grpc.StatusCode, reason: str, name: str) -> MilgrainError:
    """Return the error for a failed call."""
    return refusal(reason or status.name, name, status)


def _name(photo: Photo, otherwise: str) -> str:
    return otherwise if isinstance(photo, bytes) else os.fspath(photo)


def check_size(name: str, count: int) -> None:
    """Raise BadImage where a photo has more bytes than a message can take."""
    if count > PHOTO_BYTES:
        raise BadImage(
            f"{name}: {count / 1e6:,.1f} MB, and no message to a server takes more than {PHOTO_BYTES / 1e6:,.1f}"
        )


def _read(photo: Photo, name: str) -> bytes:
    """Return the photo's bytes; a file that cannot be read, or sent, is a bad image, and fails alone."""
    if isinstance(photo, bytes):
        return photo
    try:
        check_size(name, Path(photo).stat().st_size)
        return Path(photo).read_bytes()
    except OSError as unreadable:
        raise BadImage(f"{name}: {unreadable.strerror or unreadable}") from unreadable


def _request(request_id: str, name: str, photo: bytes, look: bytes, ensemble: Ensemble, priority: int = 0) -> Any:
    """Return the request of one photo: a batch of one, its tensors as raw bytes; priority 0 is the server's default.

    Raise BadImage, which names the photo, where it is too large for a message.
    """
    check_size(name, len(photo))
    request = wire.ModelInferRequest(model_name=ensemble, id=request_id, raw_input_contents=[photo, look])
    if priority:
        request.parameters["priority"].uint64_param = priority
    for tensor, data in ((PHOTO, photo), (LOOK, look)):
        request.inputs.add(name=tensor.name, datatype=tensor.dtype, shape=[1, len(data)])
    for tensor in (IMAGE, REPORT):
        request.outputs.add(name=tensor.name)
    return request


def _answer(name: str, response: Any) -> Answer:
    """Return a response's picture and report; Triton may list the outputs in any order."""
    raw = {output.name: data for output, data in zip(response.outputs, response.raw_output_contents, strict=True)}
    return Answer(name, raw[IMAGE.name], json.loads(raw[REPORT.name]))
