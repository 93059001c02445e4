"""`milgrain serve`: start Triton on the model repository, show that it answers, and see it out."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import grpc
import typer
from tritonclient.grpc import service_pb2, service_pb2_grpc

from server.card import read_card
from server.contract import ENSEMBLES, STAGES, Look
from server.distribution import find_triton
from server.repository import check_repository, default_repository, profiles
from server.settings import Settings

CANARY = Path(__file__).parent / "canary.jpg"
GRACE_SECONDS = 15
"""Seconds that Triton may take to unload its models once every answer is out."""
TOKEN = "milgrain-token"
"""Name of the header without which Triton refuses to load or unload models."""
DRIVER = Path("/proc/driver/nvidia/version")
GPU_PACKAGES = ("cupy", "tensorrt")
PR_SET_PDEATHSIG = 1

NO_GPU = (
    "pinned system memory",
    "CUDA driver version is insufficient",
    "CudaDriverHelper",
    "initialize NVML",
    "DCGM unable to start",
)
"""Triton's complaints on a machine without a GPU, where there is nothing to complain of."""

# Its classes are made when it is imported, where no type checker sees them.
pb: Any = service_pb2
DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one server listens."""

    host: str
    grpc: int
    http: int
    metrics: int

    def __str__(self) -> str:
        return " ".join(f"{name}={self.host}:{getattr(self, name)}" for name in ("grpc", "http", "metrics"))


def say(line: str) -> None:
    """Print one line for the operator."""
    print(f"milgrain: {line}", flush=True)


def choose_profile(repository: Path) -> tuple[str, str]:
    """Return the profile that this machine can run, and why."""
    if not DRIVER.exists():
        return "cpu", "no NVIDIA driver here"
    if missing := [name for name in GPU_PACKAGES if importlib.util.find_spec(name) is None]:
        return "cpu", f"an NVIDIA driver is here, but not {' and '.join(missing)} (pip install 'milgrain[gpu]')"
    if "gpu" not in profiles(repository):
        return "cpu", "an NVIDIA driver is here, but this repository has no gpu profile yet"
    return "gpu", "an NVIDIA driver and its packages are here"


def free_port(host: str) -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def serve(
    repository: Annotated[Path | None, typer.Option(help="Model repository; default: the one installed.")] = None,
    profile: Annotated[str, typer.Option(help="cpu, gpu, ngc, or auto.")] = "auto",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8001,
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8002,
    max_megapixels: Annotated[float, typer.Option(min=0.001)] = DEFAULTS.max_megapixels,
    max_megabytes: Annotated[float, typer.Option(min=0.001)] = DEFAULTS.max_megabytes,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the network on the CPU.")] = DEFAULTS.threads,
    start_timeout: Annotated[float, typer.Option(min=1, help="Seconds until ready.")] = 180,
    drain_timeout: Annotated[int, typer.Option(min=0, help="Seconds for answers in flight on SIGTERM.")] = 30,
) -> None:
    """Keep a server running until SIGTERM or SIGINT; both let answers in flight finish."""
    repository = (repository or default_repository()).resolve()
    settings = Settings(max_megapixels=max_megapixels, max_megabytes=max_megabytes, threads=threads)
    try:
        triton = find_triton()
        chosen, why = choose_profile(repository) if profile == "auto" else (profile, "asked for")
        configs = check_repository(repository, chosen)
    except (FileNotFoundError, ValueError) as cause:
        print(f"milgrain: {cause}", file=sys.stderr)
        raise typer.Exit(2) from None
    say(f"profile {chosen} ({why})")
    ports = Ports(host, *(port or free_port(host) for port in (grpc_port, http_port, metrics_port)))
    token = secrets.token_hex()
    with tempfile.TemporaryDirectory(prefix="milgrain-") as runtime:
        command = [
            str(triton.binary),
            f"--model-repository={repository}",
            f"--model-config-name={chosen}",
            "--disable-auto-complete-config",
            "--model-control-mode=explicit",  # so that the ensembles can be unloaded: see `drain`
            "--load-model=*",
            f"--grpc-restricted-protocol=model-repository:{TOKEN}={token}",
            f"--http-restricted-api=model-repository:{TOKEN}={token}",
            f"--grpc-address={host}",
            f"--grpc-port={ports.grpc}",
            f"--http-address={host}",
            f"--http-port={ports.http}",
            f"--metrics-address={host}",
            f"--metrics-port={ports.metrics}",
            f"--exit-timeout-secs={drain_timeout}",
            "--log-info=false",
            *triton.prepare(Path(runtime)),
        ]
        environment = triton.environment({**os.environ, **settings.to_environment()})
        silenced = NO_GPU if chosen == "cpu" else ()
        with supervised(command, environment, silenced, lambda: drain(ports, token, drain_timeout)) as process:
            ready = _announce(process, ports, configs, repository, time.monotonic() + start_timeout)
            if ready:
                say(f"ready {ports}")
            else:
                process.terminate()
            code = process.wait()
    say(f"Triton ended with {code}")
    raise typer.Exit(128 - code if code < 0 else code if ready else code or 1)


@contextlib.contextmanager
def supervised(
    command: list[str],
    environment: dict[str, str],
    silenced: tuple[str, ...] = (),
    before_end: Callable[[], None] = lambda: None,
) -> Iterator[subprocess.Popen[str]]:
    """Run a server whose end is bound to ours: signals are passed on as SIGTERM, and no process of it outlives us.

    The first signal runs `before_end` ahead of the SIGTERM, a second one does not wait for it. The server leads its
    own process group. The kernel sends it SIGTERM should we die without a word (SIGKILL); on
    any other way out the whole group is killed. Its errors are passed on, but for lines that hold a `silenced` text.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    us = os.getpid()

    def bind_to_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:  # we died in between
            os._exit(1)

    process = subprocess.Popen(
        command, env=environment, start_new_session=True, preexec_fn=bind_to_parent, stderr=subprocess.PIPE, text=True
    )

    def pass_on() -> None:
        assert process.stderr
        with process.stderr as lines:
            for line in lines:
                if not any(text in line for text in silenced):
                    sys.stderr.write(line)
                    sys.stderr.flush()

    reader = threading.Thread(target=pass_on, name="triton's errors")
    reader.start()

    ending = threading.Event()

    def end() -> None:
        before_end()
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # Triton 2.51 waits for every open stream, an idle one for ever
            say("a caller keeps a stream open: killed")
            os.killpg(process.pid, signal.SIGKILL)

    def on_signal(number: int, _: FrameType | None) -> None:
        if ending.is_set():
            process.terminate()
            return
        ending.set()
        say(f"{signal.Signals(number).name}: draining")
        threading.Thread(target=end, name="drain", daemon=True).start()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def drain(ports: Ports, token: str, timeout: float) -> None:
    """Refuse new photos, and wait until all that are under way are answered, at most `timeout` seconds.

    SIGTERM alone does not: Triton 2.51 then refuses each photo under way at its next stage. An ensemble that is
    unloaded refuses new requests only; those under way hold it, and its stages, to their end.
    """
    deadline = time.monotonic() + timeout
    key = ((f"triton-grpc-protocol-{TOKEN}", token),)
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc}") as channel:
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


def _announce(
    process: subprocess.Popen[str],
    ports: Ports,
    configs: dict[str, Any],
    repository: Path,
    deadline: float,
) -> bool:
    """Show one line per model as it becomes ready, then one for the canary; False when there is no answer in time."""
    start = time.monotonic()
    waiting = list(STAGES | ENSEMBLES)
    limits = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"{ports.host}:{ports.grpc}", options=limits) as channel:
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
                    say(f"{model:9s} ready after {after:4.1f} s: {_describe(configs[model], repository)}")
            time.sleep(0.1)
        return _canary(triton, deadline)


def _describe(config: Any, repository: Path) -> str:
    if config.platform == "ensemble":
        return " > ".join(step.model_name for step in config.ensemble_scheduling.step)
    count = sum(group.count for group in config.instance_group)
    text = f"{config.backend} backend, {count} instance{'s' if count > 1 else ''}"
    if config.name == "segment":
        card = read_card(repository / "segment" / "1" / "model.json")
        text += f", {card.name} {card.version} at {card.input.size} px by OpenVINO {card.precision}"
    return text


def _canary(triton: service_pb2_grpc.GRPCInferenceServiceStub, deadline: float) -> bool:
    """Send one real photo through the whole ensemble: only an answer proves that it can answer."""
    start = time.monotonic()
    photo, look = CANARY.read_bytes(), Look(size=None).to_bytes()
    request = pb.ModelInferRequest(model_name="catalog", id="canary", raw_input_contents=[photo, look])
    for name, data in (("photo", photo), ("look", look)):
        request.inputs.add(name=name, datatype="UINT8", shape=[1, len(data)])
    try:
        triton.ModelInfer(request, timeout=max(1.0, deadline - time.monotonic()))
    except grpc.RpcError as refused:
        print(f"milgrain: the canary photo was not answered: {refused}", file=sys.stderr)
        return False
    say(f"canary    answered in {(time.monotonic() - start) * 1000:.0f} ms")
    return True


def main(argv: list[str]) -> int:
    """Run the verb; return its exit code: Triton's own, or 2 where Triton could not be started."""
    app = typer.Typer(add_completion=False)
    app.command("serve")(serve)
    try:
        app(args=argv, prog_name="milgrain serve")
    except SystemExit as end:
        return int(end.code or 0)
    return 0
