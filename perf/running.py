"""Run `milgrain serve` for the length of a measurement: on loopback, on free ports, gone afterwards."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients.client import Client
from server.contract import Look
from server.engines import CANARY

READY = re.compile(r"ready grpc=(?P<grpc>\S+) http=(?P<http>\S+) metrics=(?P<metrics>\S+)")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its addresses as host:port, and the process id of `milgrain serve`."""

    grpc: str
    http: str
    metrics: str
    pid: int


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Running]:
    """Start a server with further `arguments` of `milgrain serve`, yield when it is ready, drain it at the end.

    Raises RuntimeError with the server's last lines where it does not become ready.
    """
    milgrain = str(Path(sys.executable).with_name("milgrain"))
    command = [milgrain, "serve", "--grpc-port=0", "--http-port=0", "--metrics-port=0"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    lines: list[str] = []
    try:
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line)
            if found := READY.search(line):
                break
        else:
            raise RuntimeError(f"the server ended with {process.wait()}:\n{''.join(lines[-5:])}")
        # Nobody reads on: without this the server would block on a full pipe.
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield Running(found["grpc"], found["http"], found["metrics"], process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def engines(address: str) -> dict[str, str]:
    """Return what runs each network of a server, as the report on a photo names it: engine, precision, device."""
    with Client(address) as client:
        return client.cut(CANARY.read_bytes(), Look(size=None)).report["engines"]
