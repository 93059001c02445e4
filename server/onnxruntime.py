"""ONNX Runtime CUDA: networks on the GPU where TensorRT is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import onnx
import onnx.utils
import onnxruntime as ort

from kernels import launch
from server.engines import Array, Identity, Network
from server.guard import guarded
from server.half import halved

CUDA = "CUDAExecutionProvider"


def kept(data: bytes, inputs: Collection[str], outputs: Collection[str]) -> bytes:
    """Return an ONNX file with what these outputs need, and no more: ONNX Runtime computes all that a file holds.

    Raises ValueError where it has no such input or output.
    """
    return onnx.utils.Extractor(onnx.load_from_string(data)).extract_model([*inputs], [*outputs]).SerializeToString()


class OnnxRuntime:
    """Runs a network by IO binding: device pointers in and out, on the stream that was current when it was made."""

    def __init__(self, network: Network, precision: str, provider: str = CUDA) -> None:
        """Load it in f16 or f32; raise ValueError, which names the file, where ONNX Runtime cannot."""
        self._kind, options = ("cpu", {})
        device = "CPU"
        if provider == CUDA:
            import cupy as cp  # pyright: ignore[reportMissingImports]

            index = launch.device.index()
            self._kind, device = "cuda", cp.cuda.runtime.getDeviceProperties(index)["name"].decode()
            options = {"device_id": str(index), "user_compute_stream": str(cp.cuda.get_current_stream().ptr)}
        self._device = launch.device.index()
        try:
            data = kept(network.path.read_bytes(), network.inputs, network.outputs)
            self._session = ort.InferenceSession(
                halved(data) if precision == "f16" else data, providers=[(provider, options)]
            )
        except Exception as refused:  # its exceptions have no common class
            raise ValueError(f"{network.path}: ONNX Runtime {ort.__version__} cannot load it: {refused}") from None
        if self._session.get_providers()[0] != provider:
            raise ValueError(f"{network.path}: ONNX Runtime {ort.__version__} runs here without {provider}")
        self.identity = Identity("ONNX Runtime", ort.__version__, precision, device)
        self._outputs = tuple(network.outputs)
        shown = {name: launch.zeros((1, *shape), "float32") for name, shape in network.inputs.items()}
        binding = self._bound(shown)
        for name in self._outputs:
            binding.bind_output(name, self._kind, self._device)
        self._run(binding)
        made = dict(zip(self._outputs, (tuple(value.shape()) for value in binding.get_outputs()), strict=True))
        network.check(made)
        self._shapes = {name: shape[1:] for name, shape in made.items()}

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return every wanted output [N, ...] float32 of inputs [N, ...] float32 on the device."""
        for name, array in inputs.items():
            launch.require(name, array, array.shape, "float32")
        binding = self._bound(inputs)
        count = len(next(iter(inputs.values())))
        found = {name: launch.empty((count, *shape), "float32") for name, shape in self._shapes.items()}
        for name, array in found.items():
            binding.bind_output(name, self._kind, self._device, "float32", array.shape, launch.pointer(array))
        self._run(binding)
        return found

    def _bound(self, inputs: Mapping[str, Array]) -> Any:
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_input(name, self._kind, self._device, "float32", array.shape, launch.pointer(array))
        return binding

    def _run(self, binding: Any) -> None:
        options = ort.RunOptions()
        # Everything is on the stage's own stream, which waits once, before the answer.
        options.add_run_config_entry("disable_synchronize_execution_providers", "1")
        self._session.run_with_iobinding(binding, options)


def on_cuda(network: Network) -> OnnxRuntime:
    """Load a network for the current device, in float16 where that is safe; raise ValueError where it cannot run."""
    return guarded(network, lambda precision: OnnxRuntime(network, precision))
