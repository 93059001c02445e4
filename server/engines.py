"""Engines: a batch of named inputs in, named outputs out, on the CPU or on the GPU; and which one runs here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from kernels.reference.srgb import F32
from server.card import Weights, check_weights

Array = Any
"""[N, ...] float32: NumPy's on the CPU, CuPy's on the GPU."""

GPU_ENGINES = {"tensorrt": "TensorRT", "onnxruntime": "ONNX Runtime CUDA"}
"""Module and name of the engines of the GPU, the preferred one first."""
CPU_ONLY = {"onnxruntime": "onnxruntime-gpu"}
"""Modules that a package without GPU has too, and the package that has one."""
CANARY = Path(__file__).parent / "canary.jpg"
"""A photo with one whole piece in it: engines are probed with it, and a server that starts has to answer it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What runs a network, for the report, the readiness line and every benchmark file."""

    engine: str
    version: str
    precision: str
    device: str

    def __str__(self) -> str:
        return f"{self.engine} {self.version} {self.precision} on {self.device}"


@dataclass(frozen=True, slots=True)
class Network:
    """A card's network as an engine has to run it. Shapes are those of one photo, without the batch axis."""

    card: Weights
    path: Path
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    """What is wanted of it; -1 where any size will do. An engine computes nothing else."""
    probe: Callable[[], Mapping[str, F32]]
    """Return inputs [1, ...] as they come from a photo: what float16 answers to them is held against float32."""
    batch: int = 1
    """Most photos at once."""

    @classmethod
    def of(
        cls,
        card: Weights,
        folder: Path,
        inputs: Mapping[str, tuple[int, ...]],
        outputs: Mapping[str, tuple[int, ...]],
        probe: Callable[[], Mapping[str, F32]],
        batch: int = 1,
    ) -> Network:
        """Hold the network's bytes against its card; raise ValueError where they differ."""
        return cls(card, check_weights(card, folder), inputs, outputs, probe, batch)

    def check(self, found: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ValueError where outputs [N, ...] have other sizes than wanted: a size was frozen into the graph."""
        for name, shape in found.items():
            wanted = self.outputs[name]
            if len(shape) != len(wanted) + 1 or any(w not in (-1, s) for w, s in zip(wanted, shape[1:], strict=True)):
                asked = ", ".join(f"{key} {'x'.join(map(str, one))}" for key, one in self.inputs.items())
                made = "x".join(map(str, shape[1:]))
                raise ValueError(f"{self.path}: of {asked} the network's output {name} is {made}, not {wanted}")


def check_names(path: Path, kind: str, wanted: Collection[str], have: Collection[str]) -> None:
    """Raise ValueError where the network at `path` lacks a wanted tensor of a kind, input or output."""
    if missing := sorted(set(wanted) - set(have)):
        raise ValueError(f"{path}: no {kind} {', '.join(missing)}; the network has {', '.join(sorted(have))}")


class Engine(Protocol):
    """A compiled network."""

    @property
    def identity(self) -> Identity:
        """What runs, in which precision, where."""
        ...

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return every wanted output [N, ...] float32 of inputs [N, ...] float32, where the inputs are.

        On the GPU everything happens on the current stream. The outputs hold until the next call.
        """
        ...


Start = Callable[[Network], Engine]
"""Compiles a network; raises ValueError, which names the file, where it cannot."""


def on_cpu(threads: int) -> Start:
    """Return what compiles a network for the CPU: OpenVINO."""
    from server.openvino import OpenVino

    return lambda network: OpenVino(network, threads)


def gpu_engine() -> str | None:
    """Return the module of the engine that the GPU's networks run by, of those installed; None: none is."""
    for module in GPU_ENGINES:
        package = CPU_ONLY.get(module)
        if importlib.util.find_spec(module) and (package is None or _installed(package)):
            return module
    return None


def on_gpu(plans: Path) -> Start:
    """Return what compiles a network for the current device: TensorRT, else ONNX Runtime CUDA.

    `plans`: folder that keeps what TensorRT built. Raises ValueError where neither is installed.
    """
    module = gpu_engine()
    if module is None:
        raise ValueError(f"no engine for the GPU is installed: {' or '.join(GPU_ENGINES.values())}")
    if module == "tensorrt":
        import tensorrt  # pyright: ignore[reportMissingImports]

        from server.tensorrt import on_tensorrt

        return lambda network: on_tensorrt(tensorrt, network, plans)
    from server.onnxruntime import on_cuda

    return on_cuda


def _installed(package: str) -> bool:
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


@dataclass(frozen=True, slots=True)
class Board:
    """Where stages, each a process of its own, tell one another and the launcher what runs their networks: a folder.

    Empty: nobody listens.
    """

    place: str = ""

    def tell(self, stage: str, identity: Identity) -> None:
        """Leave word of a stage's engine."""
        if self.place:
            whole = Path(self.place) / f".{stage}.{os.getpid()}"
            whole.write_text(json.dumps(asdict(identity)))
            whole.replace(Path(self.place) / f"{stage}.json")

    def ask(self, stage: str) -> Identity | None:
        """Return what runs a stage's network; None where it did not say."""
        path = Path(self.place) / f"{stage}.json"
        return Identity(**json.loads(path.read_text())) if self.place and path.is_file() else None


SILENT = Board()
"""The board of stages outside the server."""
