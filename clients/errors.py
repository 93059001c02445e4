"""What can go wrong, one class per thing a caller can do about it."""

from __future__ import annotations

import re

import grpc

from server.contract import BAD_IMAGE, BAD_LOOK, OVERLOADED


class MilgrainError(Exception):
    """A photo was not answered with a picture; the message names the photo and the cause."""


class BadImage(MilgrainError):
    """This photo can never be answered, or not with this look, as the cause says: do not retry."""


class Unwritten(MilgrainError):
    """The disk refuses this picture's path: too long, a folder's, or below a file. Choose another name or folder."""


class BadLook(MilgrainError):
    """Every photo sent with this look fails the same way: mend the look."""


class ServerError(MilgrainError):
    """The server failed, through no fault of the photo that is known: look at its log."""


class Overloaded(ServerError):
    """The server's queue is full: retry later."""


class Unavailable(ServerError):
    """The server is gone, stopping or not yet there: wait until it is ready, then send again what is unanswered."""


class TimedOut(ServerError):
    """The answer took longer than the timeout: the server hangs or is slow, and may still be at work on it."""


WRAPPING = re.compile(
    r"^(\[request id: [^\]]*\]|in ensemble '[^']*',"
    r"|Failed to process the request\(s\) for model (instance )?'[^']*', message:|TritonModelException:)\s*"
)
"""What Triton puts in front of a model's own message, possibly several times."""
FULL = (OVERLOADED, "Exceeds maximum queue size", "Request timeout expired")
GONE = ("Server is stopping", "has stopped accepting new inference requests", "has no available versions")


def refusal(message: str, name: str, status: grpc.StatusCode | None = None) -> MilgrainError:
    """Return the error of the photo `name` for what came over the wire; `status` is known for single calls only."""
    for prefix, kind in ((BAD_IMAGE, BadImage), (BAD_LOOK, BadLook)):
        if prefix in message:
            return kind(f"{name}: {prefix}{_first_line(message.partition(prefix)[2])}")
    kind = ServerError
    if any(said in message for said in FULL) or status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        kind = Overloaded
    elif status is grpc.StatusCode.DEADLINE_EXCEEDED:
        kind = TimedOut
    elif any(said in message for said in GONE) or status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        kind = Unavailable
    while wrapped := WRAPPING.match(message):
        message = message[wrapped.end() :]
    return kind(f"{name}: {_first_line(message)}")


def _first_line(message: str) -> str:
    """Return the cause without the Python traceback that Triton's Python backend appends."""
    return message.strip().partition("\n")[0]
