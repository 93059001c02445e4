"""Inference engines behind one call: a batch of network inputs in, coverage maps out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov

from kernels.reference.srgb import F32
from server.card import Card, Channel, check_weights


class OpenVinoEngine:
    """Runs a card's network on the CPU by OpenVINO, in the precision that the card measured as safe."""

    def __init__(self, card: Card, folder: Path, threads: int) -> None:
        """Compile the network in `folder`; raise ValueError where it does not fit its card."""
        self.card = card
        path = check_weights(card, folder)
        core = ov.Core()
        options = {
            "INFERENCE_PRECISION_HINT": card.precision,
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._network = core.compile_model(core.read_model(path), "CPU", options)
        names = {name for output in self._network.outputs for name in output.names}
        wanted = [channel.output for channel in (card.alpha, card.metal, card.stone) if channel]
        if unknown := sorted(set(wanted) - names):
            raise ValueError(f"{path}: no output {', '.join(unknown)}; the network has {', '.join(sorted(names))}")
        if card.input.name not in {name for port in self._network.inputs for name in port.names}:
            raise ValueError(f"{path}: no input {card.input.name}")

    def __call__(self, net_input: F32) -> F32:
        """Return coverage [N, 3, S, S] in [0, 1]: alpha, metal, stone; a map the network lacks is 0.

        net_input [N, 3, S, S] float32, normalised as the card says.
        """
        answer = self._network({self.card.input.name: net_input})
        coarse = np.zeros((len(net_input), 3, *net_input.shape[2:]), np.float32)

        def fill(index: int, channel: Channel | None) -> None:
            if channel:
                found = answer[channel.output][:, channel.channel]
                coarse[:, index] = 1 / (1 + np.exp(-found)) if self.card.sigmoid else found

        for index, channel in enumerate((self.card.alpha, self.card.metal, self.card.stone)):
            fill(index, channel)
        return np.clip(coarse, 0, 1, out=coarse)
