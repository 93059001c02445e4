"""`milgrain serve`: choose the profile, check what Triton will read, start it, return its exit code."""

from __future__ import annotations

import errno
import importlib.util
import os
import secrets
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from server.control import TOKEN, Described, Ports, announce, drain
from server.distribution import find_triton
from server.engines import GPU_ENGINES, Board, gpu_engine
from server.repository import check_repository, default_repository, profiles
from server.settings import PREFIX, Settings
from server.supervision import say, supervised

DRIVER, GPUS = Path("/proc/driver/nvidia/version"), Path("/proc/driver/nvidia/gpus")

NO_GPU = (
    "pinned system memory",
    "CUDA driver version is insufficient",
    "CudaDriverHelper",
    "initialize NVML",
    "DCGM unable to start",
)
"""Triton's complaints on a machine without a GPU, where there is nothing to complain of."""

GPU_NEEDS = ("cupy", "nvidia.nvimgcodec", "onnx")
"""Modules that stages of the gpu profile import, besides an engine."""
POOL = 4 * 2**30
"""Bytes of the GPU that Triton keeps for what passes between stages. Beyond it Triton takes the host's memory, and a
photo of 12 megapixels alone takes 116 MB."""

OPERATORS = "model-repository,shared-memory,trace,logging"
"""Triton's interfaces that are no caller's: by registering the stages' own shared memory one photo ends the server."""

DEFAULTS = Settings()


def choose_profile(repository: Path) -> tuple[str, str]:
    """Return the profile that this machine can run, and why."""
    if why := no_gpu():
        return "cpu", why
    if "gpu" not in profiles(repository):
        return "cpu", "an NVIDIA driver is here, but this repository has no gpu profile"
    return "gpu", f"an NVIDIA driver is here; networks by {GPU_ENGINES[gpu_engine() or '']}"


def no_gpu() -> str | None:
    """Return why the gpu profile cannot run here; None where it can."""
    if not DRIVER.exists():
        return "no NVIDIA driver here"
    missing = [name for name in GPU_NEEDS if not _is_installed(name)]
    missing += [] if gpu_engine() else [" or ".join(GPU_ENGINES)]
    if missing:
        return f"an NVIDIA driver is here, but not {' and not '.join(missing)} (pip install '.[gpu]')"
    return None


def gpus() -> int:
    """Return how many GPUs the NVIDIA driver has."""
    return len(list(GPUS.iterdir())) if GPUS.is_dir() else 0


def one_gpu(visible: str | None) -> tuple[str, str | None]:
    """Return the GPU of a server under this CUDA_VISIBLE_DEVICES, and where it may see more, a line that says so.

    With several, Triton would make every stage's instances on each, and hand one's pictures to another's stage.
    """
    seen = [str(number) for number in range(gpus())] if visible is None else visible.split(",")
    gpu = seen[0].strip() if seen else "0"
    if len(seen) < 2:
        return gpu, None
    of = len(seen) if visible is None else visible
    return gpu, f"one server, one GPU: GPU {gpu} of {of}; start one server per GPU with CUDA_VISIBLE_DEVICES"


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


def free_port(host: str) -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def is_taken(host: str, port: int) -> bool:
    """Return whether something listens there: Triton would fail late, and its neighbour answer our canary."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as refused:
            if refused.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def serve(
    repository: Annotated[Path | None, typer.Option(help="Model repository; default: the one installed.")] = None,
    profile: Annotated[str, typer.Option(help="cpu, gpu, ngc, or auto.")] = "auto",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8001,
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8002,
    max_megapixels: Annotated[
        float, typer.Option(min=0.001, envvar=PREFIX + "MAX_MEGAPIXELS", help="Largest photo.")
    ] = DEFAULTS.max_megapixels,
    max_megabytes: Annotated[
        float, typer.Option(min=0.001, envvar=PREFIX + "MAX_MEGABYTES", help="Largest file.")
    ] = DEFAULTS.max_megabytes,
    threads: Annotated[
        int, typer.Option(min=1, envvar=PREFIX + "THREADS", help="Threads of the network on the CPU.")
    ] = DEFAULTS.threads,
    max_waiting: Annotated[
        int,
        typer.Option(
            min=0,
            envvar=PREFIX + "MAX_WAITING",
            help="Photos that may wait in the server; more are refused. 0: no limit.",
        ),
    ] = DEFAULTS.max_waiting,
    start_timeout: Annotated[
        float | None, typer.Option(min=1, help="Seconds until ready; default 180, on a GPU 1800: it builds its plans.")
    ] = None,
    drain_timeout: Annotated[int, typer.Option(min=0, help="Seconds for answers in flight on SIGTERM.")] = 30,
) -> None:
    """Keep a server running until SIGTERM or SIGINT; both let answers in flight finish."""
    repository = (repository or default_repository()).resolve()
    try:
        settings = Settings.from_environment(os.environ)
        triton = find_triton()
        chosen, why = choose_profile(repository) if profile == "auto" else (profile, "asked for")
        if chosen == "gpu" and (cause := no_gpu()):
            raise ValueError(f"the gpu profile cannot run: {cause}")
        configs = check_repository(repository, chosen)
    except (FileNotFoundError, ValueError) as cause:
        print(f"milgrain: {cause}", file=sys.stderr)
        raise typer.Exit(2) from None
    if taken := [str(port) for port in (grpc_port, http_port, metrics_port) if port and is_taken(host, port)]:
        print(f"milgrain: in use on {host}: port {', '.join(taken)}", file=sys.stderr)
        raise typer.Exit(2)
    say(f"profile {chosen} ({why})")
    ports = Ports(host, *(port or free_port(host) for port in (grpc_port, http_port, metrics_port)))
    timeout = start_timeout or (180 if chosen == "cpu" else 1800)
    settings = replace(
        settings,
        max_megapixels=max_megapixels,
        max_megabytes=max_megabytes,
        threads=threads,
        max_waiting=max_waiting,
        metrics=f"{host}:{ports.metrics}",
    )
    token = secrets.token_hex()
    shared = Path(f"/dev/shm/milgrain-{os.getpid()}-")  # a killed Triton leaves its shared memory behind
    with tempfile.TemporaryDirectory(prefix="milgrain-") as runtime:
        command = [
            str(triton.binary),
            f"--model-repository={repository}",
            f"--model-config-name={chosen}",
            "--disable-auto-complete-config",
            "--model-control-mode=explicit",  # so that the ensembles can be unloaded: see `drain`
            "--load-model=*",
            f"--grpc-restricted-protocol={OPERATORS}:{TOKEN}={token}",
            f"--http-restricted-api={OPERATORS}:{TOKEN}={token}",
            f"--grpc-address={host}",
            f"--grpc-port={ports.grpc}",
            f"--http-address={host}",
            f"--http-port={ports.http}",
            f"--metrics-address={host}",
            f"--metrics-port={ports.metrics}",
            f"--exit-timeout-secs={drain_timeout}",
            "--log-info=false",
            *([] if chosen == "cpu" else [f"--cuda-memory-pool-byte-size=0:{POOL}"]),  # 0: the one that it may see
            f"--backend-config=python,shm-region-prefix-name={shared.name}",
            *triton.prepare(Path(runtime)),
        ]
        board = Path(runtime) / "board"
        board.mkdir()
        settings = replace(settings, board=str(board))
        environment = triton.environment({**os.environ, **settings.to_environment()})
        if chosen != "cpu":
            environment["CUDA_VISIBLE_DEVICES"], others = one_gpu(os.environ.get("CUDA_VISIBLE_DEVICES"))
            if others:
                say(others)
        silenced = NO_GPU if chosen == "cpu" else ()
        with supervised(
            command, environment, silenced, lambda: drain(ports, token, drain_timeout), str(shared)
        ) as process:
            ready = announce(
                process, ports, configs, Described(repository, Board(str(board))), time.monotonic() + timeout
            )
            if ready:
                say(f"ready {ports}")
                code = process.wait_whole()
            else:
                process.terminate()
                code = process.wait()
    say(f"Triton ended with {code}")
    raise typer.Exit(128 - code if code < 0 else code if ready else code or 1)


def main(argv: list[str]) -> int:
    """Run the verb; return its exit code: Triton's own, or 2 where Triton could not be started."""
    app = typer.Typer(add_completion=False)
    app.command("serve")(serve)
    try:
        app(args=argv, prog_name="milgrain serve")
    except SystemExit as end:
        return int(end.code or 0)
    return 0
