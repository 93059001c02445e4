"""Inference engines behind one call: a batch of network inputs in, coverage maps out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import openvino as ov

from kernels.reference.srgb import F32
from server.card import Card, RelightCard, Weights, check_weights


def compiled(
    card: Weights, folder: Path, shapes: Mapping[str, Sequence[int]], outputs: Collection[str], threads: int
) -> ov.CompiledModel:
    """Compile what a card's network needs for `outputs`, for inputs of fixed shapes.

    Raises ValueError where it does not fit its card or does not take these shapes.
    """
    path = check_weights(card, folder)
    core = ov.Core()
    model = core.read_model(path)
    inputs = sorted(name for port in model.inputs for name in port.names)
    if missing := sorted(set(shapes) - set(inputs)):
        raise ValueError(f"{path}: no input {', '.join(missing)}; the network has {', '.join(inputs)}")
    names = {name for port in model.outputs for name in port.names}
    if unknown := sorted(set(outputs) - names):
        raise ValueError(f"{path}: no output {', '.join(unknown)}; the network has {', '.join(sorted(names))}")
    for result in model.get_results():
        if not result.output(0).names & set(outputs):
            model.remove_result(result)  # and with it what only it needs
    try:
        model.reshape({name: list(shape) for name, shape in shapes.items()})
    except RuntimeError as refused:
        asked = ", ".join(f"{name} {'x'.join(map(str, shape[2:] or shape))}" for name, shape in shapes.items())
        raise ValueError(f"{path}: the network does not take {asked}: {refused}") from None
    options = {
        "INFERENCE_PRECISION_HINT": card.precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return core.compile_model(model, "CPU", options)


class OpenVinoEngine:
    """Runs a card's network on the CPU by OpenVINO, at one size, in the precision that the card measured as safe."""

    def __init__(self, card: Card, folder: Path, size: int, threads: int, output: str | None = None) -> None:
        """Compile the network in `folder` for inputs of `size` x `size`; `output` is read in place of the card's.

        Raises ValueError where it does not fit its card or does not take that size.
        """
        self.card, self.size = card, size
        channels = [card.alpha, card.metal, card.stone]
        self._channels = [c and (output or c.output, c.channel) for c in channels]
        wanted = dict.fromkeys(c[0] for c in self._channels if c)
        # One photo at a time: on a CPU a batch is no faster, and OpenVINO keeps memory for every batch size it has met.
        self._network = compiled(card, folder, {card.input.name: (1, 3, size, size)}, wanted, threads)
        for name in wanted:  # a size that was frozen into the graph's inside shows here
            made = self._network.output(name).partial_shape
            if not made[2:].compatible(ov.PartialShape([size, size])):
                path = folder / card.file
                raise ValueError(f"{path}: at {size}x{size} the network's output {name} is {made}, not that size")

    def __call__(self, net_input: F32) -> F32:
        """Return coverage [N, 3, S, S] in [0, 1]: alpha, metal, stone; a map the network lacks is 0.

        net_input [N, 3, S, S] float32, normalised as the card says; raises ValueError on another S than its own.
        """
        wanted = (3, self.size, self.size)
        if net_input.shape[1:] != wanted:
            raise ValueError(f"the network's input is {net_input.shape[1:]}, here {self.card.name} takes {wanted}")
        coarse = np.zeros_like(net_input)
        for photo, maps in zip(net_input, coarse, strict=True):
            answer = self._network({self.card.input.name: photo[None]})
            for index, channel in enumerate(self._channels):
                if channel:
                    found = answer[channel[0]][0, channel[1]]
                    maps[index] = 1 / (1 + np.exp(-found)) if self.card.sigmoid else found
        return coarse.clip(0, 1, out=coarse)


class RelightEngine:
    """Runs the relight network on the CPU by OpenVINO."""

    def __init__(self, card: RelightCard, folder: Path, threads: int) -> None:
        """Compile the network in `folder`; raise ValueError where it does not fit its card."""
        self.card = card
        self._network = compiled(
            card, folder, {"seen": (1, 6, card.side, card.side), "light": (1, 27)}, ("transforms",), threads
        )
        made = self._network.output("transforms").partial_shape
        if not made.compatible(ov.PartialShape([1, 12, card.grid, card.grid])):
            raise ValueError(f"{folder / card.file}: transforms are {made}, the card says a grid of {card.grid}")

    def __call__(self, seen: F32, light: F32) -> F32:
        """Return transforms [g, g, 12] for seen [6, S, S] in [0, 1] and light [27]."""
        answer = self._network({"seen": seen[None], "light": light[None]})["transforms"]
        return np.ascontiguousarray(answer[0].transpose(1, 2, 0))
