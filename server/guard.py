"""float16 only where it is safe: its answer to a photo is held against float32's on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from kernels.launch import fetched, uploaded
from kernels.reference.srgb import F32
from server.cpus import cpus
from server.engines import Engine, Network
from server.openvino import OpenVino
from server.supervision import say

MEAN_APART, MOST, MOST_APART = 1e-3, 0.999, 0.02
"""Mean difference, and that of all but a thousandth of the numbers: of coverage in [0, 1], or of colour transforms."""

Compiled = TypeVar("Compiled", bound=Engine)


def guarded(network: Network, compiled: Callable[[str], Compiled]) -> Compiled:
    """Return the network in float16, or in float32 where float16 fails or the card asks for it.

    `compiled` makes it of a precision, f16 or f32. Raises ValueError, which names the file, where not even float32
    agrees with the CPU.
    """
    probe = network.probe()
    wide = OpenVino(network, cpus(), "f32")(probe)
    cause = None
    # bf16 on the card: less than float32 was measured as safe.
    for precision in ("f32",) if network.card.precision == "f32" else ("f16", "f32"):
        engine = compiled(precision)
        answer = engine({name: uploaded(array) for name, array in probe.items()})
        cause = apart({name: fetched(array) for name, array in answer.items()}, wide)
        if cause is None:
            return engine
        say(f"{network.card.name}: {engine.identity} is refused: {cause}")
    raise ValueError(f"{network.path}: {network.card.name} answers otherwise than on the CPU: {cause}")


def apart(found: Mapping[str, F32], wide: Mapping[str, F32]) -> str | None:
    """Return why outputs are not to be trusted beside those of float32; None where they are."""
    for name, one in found.items():
        if not np.isfinite(one).all():
            return f"{name} is not finite"
        error = np.abs(one - wide[name])
        mean, most = float(error.mean()), float(np.quantile(error, MOST))
        if mean > MEAN_APART or most > MOST_APART:
            return f"{name} is off by {mean:.2g} on average, by {most:.2g} at {MOST:.1%} of it"
    return None
