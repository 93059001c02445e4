"""OpenVINO: networks on the CPU."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence

import numpy as np
import openvino as ov

from kernels.reference.srgb import F32
from server.engines import Identity, Network, check_names

CAPABILITIES = "OPTIMIZATION_CAPABILITIES"


def native(precision: str, capabilities: Sequence[str]) -> str:
    """Return the precision, or f32 where a CPU of these capabilities would emulate bf16, in three times the time."""
    return "f32" if precision == "bf16" and "BF16" not in capabilities else precision


class OpenVino:
    """Runs a network on the CPU, in the precision that its card measured as safe and the CPU has instructions for."""

    def __init__(self, network: Network, threads: int, precision: str | None = None) -> None:
        """Compile it for inputs of its sizes; `precision` in place of the card's.

        Raises ValueError where the network does not fit its card or does not take these sizes.
        """
        self._outputs = tuple(network.outputs)
        core = ov.Core()
        precision = native(precision or network.card.precision, core.get_property("CPU", CAPABILITIES))
        self._network = _compiled(core, network, threads, precision)
        version = importlib.metadata.version("openvino")
        self.identity = Identity("OpenVINO", version, precision, f"{threads} CPU thread{'s' * (threads > 1)}")
        for name in self._outputs:
            made = self._network.output(name).partial_shape
            network.check({name: tuple(d.get_length() if d.is_static else -1 for d in made)})

    def __call__(self, inputs: Mapping[str, F32]) -> dict[str, F32]:
        """Return every wanted output [N, ...] of inputs [N, ...].

        One photo at a time: on a CPU a batch is no faster, and OpenVINO keeps memory for every batch size it has met.
        """
        found: dict[str, list[F32]] = {name: [] for name in self._outputs}
        count = len(next(iter(inputs.values())))
        for k in range(count):
            answer = self._network({name: array[k : k + 1] for name, array in inputs.items()})
            for name in self._outputs:
                found[name].append(answer[name])
        return {name: parts[0] if count == 1 else np.concatenate(parts) for name, parts in found.items()}


def _compiled(core: ov.Core, network: Network, threads: int, precision: str) -> ov.CompiledModel:
    path, outputs = network.path, set(network.outputs)
    model = core.read_model(path)
    given, made = ({name for port in ports for name in port.names} for ports in (model.inputs, model.outputs))
    check_names(path, "input", network.inputs, given)
    check_names(path, "output", outputs, made)
    for result in model.get_results():
        if not result.output(0).names & outputs:
            model.remove_result(result)  # and with it what only it needs
    try:
        model.reshape({name: [1, *shape] for name, shape in network.inputs.items()})
    except RuntimeError as refused:
        asked = ", ".join(f"{name} {'x'.join(map(str, one[1:] or one))}" for name, one in network.inputs.items())
        raise ValueError(f"{path}: the network does not take {asked}: {refused}") from None
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return core.compile_model(model, "CPU", options)
