"""Start `milgrain serve` on free ports of the loopback, for as long as a block of code needs it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MILGRAIN = Path(sys.executable).with_name("milgrain")
FREE_PORTS = ("--grpc-port=0", "--http-port=0", "--metrics-port=0")
READY = re.compile(r"milgrain: ready grpc=(?P<grpc>\S+) http=(?P<http>\S+) metrics=(?P<metrics>\S+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready, and where it listens."""

    process: subprocess.Popen[str]
    grpc: str
    http: str
    metrics: str


@contextmanager
def serving(*arguments: str, echo: bool = False) -> Iterator[Server]:
    """Yield the server once it is ready; SIGTERM it at the end. `echo` shows what it says while it starts."""
    command = [MILGRAIN, "serve", *FREE_PORTS, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process, **_ready(process, echo))
        finally:
            process.terminate()
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _ready(process: subprocess.Popen[str], echo: bool) -> dict[str, str]:
    """Read what the server says until it is ready; raise ChildProcessError if it ends first."""
    assert process.stdout
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if echo:
            print(line, end="", flush=True)
        if found := READY.match(line):
            return found.groupdict()
    raise ChildProcessError(f"milgrain serve ended with {process.wait()}:\n{''.join(said)}")
