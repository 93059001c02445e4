"""TensorRT 10 or newer: networks on the GPU, built once per machine.

Networks are strongly typed: each tensor's type is the graph's own, the one way that TensorRT-RTX knows and that
TensorRT keeps. So `server/half.py` decides what computes in float16, not a builder's taste, and what CI builds is what
a GPU runs. The module, `tensorrt` or `tensorrt_rtx`, is an argument for the same reason.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from kernels import launch
from server.engines import Array, Identity, Network, check_names
from server.guard import guarded
from server.half import halved
from server.supervision import say

FLOAT32 = "float32"


@dataclass(frozen=True, slots=True)
class Key:
    """All that a plan depends on: another of any of these is another plan."""

    gpu: str
    capability: str
    """Of the GPU, as in `9.0`."""
    version: str
    """Of TensorRT."""
    sha256: str
    """Of the ONNX file."""
    precision: str
    """The card's: what was tried first follows from it."""
    shapes: dict[str, list[int]]
    """Of every input, the largest batch first."""
    outputs: list[str]

    @classmethod
    def of(cls, trt: ModuleType, network: Network, gpu: str, capability: str) -> Key:
        """Return the key of a network's plan on that GPU."""
        card, batch = network.card, network.batch
        shapes = {name: [batch, *shape] for name, shape in network.inputs.items()}
        return cls(gpu, capability, trt.__version__, card.sha256, card.precision, shapes, sorted(network.outputs))

    def file(self, folder: Path, name: str) -> Path:
        """Return the plan's file in `folder`."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return folder / f"{name}-{digest[:16]}.plan"


def on_tensorrt(trt: ModuleType, network: Network, plans: Path) -> TensorRt:
    """Return the network on the current device, from `plans` or built now, in float16 where that is safe.

    Raises ValueError, which names the file, where TensorRT cannot build it or answers otherwise than the CPU.
    """
    import cupy as cp  # pyright: ignore[reportMissingImports]

    found = cp.cuda.runtime.getDeviceProperties(launch.device.index())
    gpu, capability = found["name"].decode(), f"{found['major']}.{found['minor']}"
    name, version = network.card.name, trt.__version__
    built: dict[str, TensorRt] = {}

    def compiled(precision: str) -> TensorRt:
        say(f"{name}: TensorRT {version} builds a {precision} plan for {gpu}, once; this takes minutes")
        start = time.monotonic()
        plan = build(trt, network, precision)
        say(f"{name}: built in {time.monotonic() - start:.0f} s, {len(plan) / 1e6:.1f} MB")
        return TensorRt(trt, network, plan, precision, gpu)

    def make() -> tuple[bytes, str]:
        engine = guarded(network, compiled)
        built["now"] = engine
        return engine.plan, engine.identity.precision

    key = Key.of(trt, network, gpu, capability)
    plan, precision = kept(key.file(plans, name), key, make)
    return built.get("now") or TensorRt(trt, network, plan, precision, gpu)


def kept(path: Path, key: Key, make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
    """Return the plan and its precision from the file, or make them and keep them there, whole or not at all.

    Of several processes that want the same plan one makes it, the others wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := _read(path, key):
            return found
        plan, precision = make()
        header = {"key": asdict(key), "precision": precision, "sha256": hashlib.sha256(plan).hexdigest()}
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as part:
            try:
                part.write(json.dumps(header).encode() + b"\n" + plan)
                part.flush()
                os.fsync(part.fileno())
            except OSError:  # the disk is full, say: each start would leave another half
                Path(part.name).unlink()
                raise
        Path(part.name).replace(path)
    return plan, precision


def _read(path: Path, key: Key) -> tuple[bytes, str] | None:
    """Return what a file holds; None where there is none, or it is damaged or another key's."""
    if not path.is_file():
        return None
    first, _, plan = path.read_bytes().partition(b"\n")
    try:
        header = json.loads(first)
        whole = header["key"] == asdict(key) and header["sha256"] == hashlib.sha256(plan).hexdigest()
        return (plan, header["precision"]) if whole else None
    except (ValueError, KeyError, TypeError):
        return None


def logger(trt: ModuleType) -> Any:
    """Return a logger that keeps TensorRT's errors, in `errors`, for the exception that follows them."""

    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors.append(message)

    return Logger()


def build(trt: ModuleType, network: Network, precision: str) -> bytes:
    """Build a plan of a network in f16 or f32, for 1 to `network.batch` photos of its sizes; needs no GPU with RTX.

    Raises ValueError that names the file, and the operator where one is the cause.
    """
    log = logger(trt)
    builder = trt.Builder(log)
    data = network.path.read_bytes()
    try:
        data = halved(data) if precision == "f16" else data
    except ValueError as refused:
        raise ValueError(f"{network.path}: cannot be narrowed to float16: {refused}") from None
    graph = parsed(trt, builder, network.path, data, network.inputs, network.outputs)
    config = builder.create_builder_config()
    if precision == "f32":
        config.clear_flag(trt.BuilderFlag.TF32)  # whoever asks for float32 means it
    config.add_optimization_profile(profile(builder, network))
    plan = builder.build_serialized_network(graph, config)
    if plan is None:
        raise ValueError(f"{network.path}: TensorRT {trt.__version__} cannot build it: {'; '.join(log.errors)}")
    return bytes(plan)


def parsed(
    trt: ModuleType, builder: Any, path: Path, data: bytes, inputs: Collection[str], outputs: Collection[str]
) -> Any:
    """Return the graph of an ONNX file's bytes, with these outputs and no others.

    Raises ValueError that names the file, and the operator where one is the cause, or the tensor that is not there.
    """
    graph = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(graph, builder.logger)
    if not parser.parse(data):
        errors = [parser.get_error(k) for k in range(parser.num_errors)]
        said = "; ".join(f"operator {e.node_operator()} (node {e.node_name()}): {e.desc()}" for e in errors)
        raise ValueError(f"{path}: TensorRT {trt.__version__} cannot run {said}")
    check_names(path, "input", inputs, {graph.get_input(k).name for k in range(graph.num_inputs)})
    made = {one.name: one for one in map(graph.get_output, range(graph.num_outputs))}
    check_names(path, "output", outputs, made)
    for name in set(made) - set(outputs):
        graph.unmark_output(made[name])
    return graph


def profile(builder: Any, network: Network) -> Any:
    """Return the profile of a network's inputs: 1 to `network.batch` photos."""
    made = builder.create_optimization_profile()
    for name, shape in network.inputs.items():
        # Full batches are the usual ones under load, and the only ones whose time counts.
        made.set_shape(name, (1, *shape), (network.batch, *shape), (network.batch, *shape))
    return made


@dataclass(frozen=True, slots=True)
class Held:
    """One batch size: its inputs and outputs, which stay where they are, and the graph that computes the latter."""

    context: Any
    inputs: dict[str, Array]
    outputs: dict[str, Array]
    graph: Any


class TensorRt:
    """Runs a plan on the current device: one CUDA graph per batch size, captured at its first use."""

    def __init__(self, trt: ModuleType, network: Network, plan: bytes, precision: str, gpu: str) -> None:
        """Load a plan; raise ValueError where it cannot be loaded."""
        self.plan, self._trt, self._network = plan, trt, network
        self.identity = Identity("TensorRT", trt.__version__, precision, gpu)
        self._log = log = logger(trt)
        self._runtime = trt.Runtime(log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise ValueError(
                f"{network.path}: TensorRT {trt.__version__} cannot load its plan: {'; '.join(log.errors)}"
            )
        # Batches run one after the other on one stream: all of them may use the same memory.
        self._memory = launch.empty(max(1, self._engine.device_memory_size_v2), "uint8")
        self._held: dict[int, Held] = {}

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return every wanted output [N, ...] float32 of inputs [N, ...] float32, on the current stream.

        The outputs hold until the next call of the same N.
        """
        import cupy as cp  # pyright: ignore[reportMissingImports]

        count = len(next(iter(inputs.values())))
        if not 1 <= count <= self._network.batch:
            raise ValueError(f"{count} photos at once; the plan is for 1 to {self._network.batch}")
        if count not in self._held:
            self._held[count] = self._captured(count, cp.cuda.get_current_stream())
        held = self._held[count]
        for name, array in held.inputs.items():
            array[...] = launch.require(name, inputs[name], array.shape, FLOAT32)
        held.graph.launch(cp.cuda.get_current_stream())
        return held.outputs

    def _captured(self, count: int, stream: Any) -> Held:
        trt, engine = self._trt, self._engine
        # A context of its own: a graph refers to the context that it was captured from.
        context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        context.set_device_memory(launch.pointer(self._memory), self._memory.nbytes)
        inputs = {name: launch.zeros((count, *shape), FLOAT32) for name, shape in self._network.inputs.items()}
        for name, array in inputs.items():
            self._done(context.set_input_shape(name, array.shape), f"set_input_shape of {name} {array.shape}")
        shapes = {name: tuple(context.get_tensor_shape(name)) for name in self._network.outputs}
        self._network.check(shapes)
        outputs = {name: launch.empty(shape, FLOAT32) for name, shape in shapes.items()}
        for name, array in (inputs | outputs).items():
            self._done(context.set_tensor_address(name, launch.pointer(array)), f"set_tensor_address of {name}")
        # What TensorRT does once, it does now and not within the graph.
        self._done(context.execute_async_v3(stream.ptr), f"execute_async_v3 of {count} photos")
        stream.synchronize()
        stream.begin_capture()
        captured = context.execute_async_v3(stream.ptr)
        graph = stream.end_capture()
        self._done(captured, f"the capture of {count} photos")
        return Held(context, inputs, outputs, graph)

    def _done(self, well: bool, step: str) -> None:
        """Raise RuntimeError, with what TensorRT logged, unless a step went well: it raises nothing itself."""
        if not well:
            said = "; ".join(self._log.errors) or "it does not say why"
            raise RuntimeError(f"{self._network.path}: TensorRT {self._trt.__version__} failed at {step}: {said}")
