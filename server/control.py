"""Talk to the running Triton: is every model ready, does a real photo come back, let go of it without loss."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from server.card import RelightCard, read_card
from server.contract import ENSEMBLES, OVERLOADED, STAGES, Look
from server.engines import CANARY, Board
from server.supervision import say

TOKEN = "milgrain-token"
"""Name of the header without which Triton refuses what is the operator's: see `server.serve.OPERATORS`."""
OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),
)
"""Of a channel to our own server: photos of any size, and never through the proxy that `http_proxy` names."""

# Its classes are made when it is imported, where no type checker sees them.
pb: Any = service_pb2


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one server listens."""

    host: str
    grpc: int
    http: int
    metrics: int

    def __str__(self) -> str:
        return " ".join(f"{name}={self.host}:{getattr(self, name)}" for name in ("grpc", "http", "metrics"))


@dataclass(frozen=True, slots=True)
class Described:
    """What is said of a model once it is ready: its network's card, and the engine that its stage named."""

    repository: Path
    board: Board

    def describe(self, config: Any) -> str:
        """Return one line of a model's configuration."""
        if config.platform == "ensemble":
            return " > ".join(step.model_name for step in config.ensemble_scheduling.step)
        count = sum(group.count for group in config.instance_group)
        text = f"{config.backend} backend, {count} instance{'s' if count > 1 else ''}"
        if config.name in ("locate", "segment"):
            card = read_card(self.repository / "segment" / "1" / "model.json")
            sides = card.input.sides if config.name == "segment" else (card.input.overview,)
            text += f", {card.name} {card.version} at {' or '.join(map(str, sides))} px"
        if config.name == "relight":
            card = read_card(self.repository / "relight" / "1" / "model.json", RelightCard)
            text += f", {card.name} {card.version} at {card.side} px"
        engine = self.board.ask(config.name)  # Triton's own backends tell nothing
        return f"{text} by {engine}" if engine else text


def announce(
    process: subprocess.Popen[str],
    ports: Ports,
    configs: dict[str, Any],
    models: Described,
    deadline: float,
) -> bool:
    """Show one line per model as it becomes ready, then one for the canary; False when there is no answer in time.

    `deadline` is a time of `time.monotonic`.
    """
    start = time.monotonic()
    waiting = list(STAGES | ENSEMBLES)
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc}", options=OPTIONS) as channel:
        triton = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        while waiting:
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                print(f"milgrain: not ready in time: {', '.join(waiting)}", file=sys.stderr)
                return False
            for model in list(waiting):
                try:
                    ready = triton.ModelReady(pb.ModelReadyRequest(name=model), timeout=2).ready
                except grpc.RpcError:
                    break  # not listening yet
                if ready:
                    waiting.remove(model)
                    after = time.monotonic() - start
                    say(f"{model:9s} ready after {after:4.1f} s: {models.describe(configs[model])}")
            time.sleep(0.1)
        return _canary(triton, deadline)


def _canary(triton: service_pb2_grpc.GRPCInferenceServiceStub, deadline: float) -> bool:
    """Send one real photo through the whole ensemble: only an answer proves that it can answer."""
    start = time.monotonic()
    photo, look = CANARY.read_bytes(), Look(size=None).to_bytes()
    request = pb.ModelInferRequest(model_name="catalog", id="canary", raw_input_contents=[photo, look])
    for name, data in (("photo", photo), ("look", look)):
        request.inputs.add(name=name, datatype="UINT8", shape=[1, len(data)])
    while True:
        try:
            triton.ModelInfer(request, timeout=max(1.0, deadline - time.monotonic()))
            break
        except grpc.RpcError as refused:
            # Callers do not wait until we say "ready": after a restart they may be more than the server admits.
            if OVERLOADED not in str(refused) or time.monotonic() > deadline:
                print(f"milgrain: the canary photo was not answered: {refused}", file=sys.stderr)
                return False
            time.sleep(0.1)
    say(f"canary    answered in {(time.monotonic() - start) * 1000:.0f} ms")
    return True


def drain(ports: Ports, token: str, timeout: float) -> None:
    """Refuse new photos, and wait until all that are under way are answered, at most `timeout` seconds.

    SIGTERM alone does not: Triton 2.51 then refuses each photo under way at its next stage. An ensemble that is
    unloaded refuses new requests only; those under way hold it, and its stages, to their end.
    """
    deadline = time.monotonic() + timeout
    key = ((f"triton-grpc-protocol-{TOKEN}", token),)
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc}", options=OPTIONS) as channel:
        triton = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        try:
            for name in ENSEMBLES:
                triton.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name=name), metadata=key, timeout=5)
            while time.monotonic() < deadline:
                models = triton.RepositoryIndex(pb.RepositoryIndexRequest(), metadata=key, timeout=5).models
                if all(model.state == "UNAVAILABLE" for model in models if model.name in ENSEMBLES):
                    return
                time.sleep(0.1)
        except grpc.RpcError as gone:
            print(f"milgrain: could not drain: {gone}", file=sys.stderr)
