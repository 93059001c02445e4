"""Build the plans of the `ngc` profile for Triton's TensorRT backend: `python deploy/build_engines.py REPOSITORY`.

A plan fits one version of TensorRT and one kind of GPU, so this runs in the container at its start, on the GPU that
will serve. The backend wants tensors named and batched as the stage's contract says: the graph's are renamed here.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import tensorrt
from server.card import Card, check_weights, read_card
from server.contract import STAGES
from server.repository import config_path, read_config


@dataclass(frozen=True, slots=True)
class Plan:
    """What one stage's plan is made of: the graph's own names, and the usual and the largest side of its input."""

    stage: str
    input: str
    output: str
    side: int
    largest: int


def plans(card: Card) -> list[Plan]:
    """Return the plans of `locate` and `segment`; raise ValueError where the native backend cannot run the network.

    It runs a graph and nothing else: alpha, metal and stone must be the channels 0, 1, 2 of one output, as coverage.
    """
    wanted = [(card.alpha.output, channel) for channel in range(3)]
    have = [channel and (channel.output, channel.channel) for channel in (card.alpha, card.metal, card.stone)]
    if have != wanted or card.sigmoid:
        raise ValueError(
            f"{card.name}: Triton's TensorRT backend needs alpha, metal and stone as the channels of one output, and "
            "no sigmoid; run this network in the gpu profile"
        )
    net = card.input
    return [
        Plan("locate", net.name, card.overview or card.alpha.output, net.overview, net.overview),
        Plan("segment", net.name, card.alpha.output, net.size, max(net.sides)),
    ]


def parsed(trt: Any, builder: Any, path: Path, plan: Plan) -> Any:
    """Return the graph at `path` with the tensors of the stage and no others; raise ValueError where it has not these.

    trt: the module `tensorrt`, or one with its interface.
    """
    graph = tensorrt.parsed(trt, builder, path, path.read_bytes(), [plan.input], [plan.output])
    stage = STAGES[plan.stage]
    graph.get_input(0).name, graph.get_output(0).name = stage.inputs[0].name, stage.outputs[0].name
    return graph


def build(trt: Any, path: Path, plan: Plan, batch: int) -> bytes:
    """Return the serialized plan of the graph at `path`, for 1 to `batch` photos, float32 (TF32 where the GPU has it).

    Raises ValueError where the graph does not parse or build.
    """
    builder = trt.Builder(trt.Logger(trt.Logger.WARNING))
    network = parsed(trt, builder, path, plan)
    profile = builder.create_optimization_profile()
    least, usual, most = (1, plan.side), (max(1, batch // 2), plan.side), (batch, plan.largest)
    sizes = ((count, 3, side, side) for count, side in (least, usual, most))
    profile.set_shape(network.get_input(0).name, *sizes)
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    made = builder.build_serialized_network(network, config)
    if made is None:
        raise ValueError(f"{path}: TensorRT could not build the plan of {plan.stage}; its log is above")
    return bytes(made)


def backend_version() -> str:
    """Return the version, major.minor.patch, of the TensorRT that Triton's backend loads."""
    number = ctypes.CDLL("libnvinfer.so.10").getInferLibVersion()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def main() -> None:
    """Build both plans, and print one line per plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    repository: Path = parser.parse_args().repository
    import tensorrt as trt  # pyright: ignore[reportMissingImports]

    native = backend_version()
    if not trt.__version__.startswith(native):
        sys.exit(f"the Python package tensorrt is {trt.__version__}, Triton's backend has {native}: plans differ")
    folder = repository / "segment" / "1"
    card = read_card(folder / "model.json")
    path = check_weights(card, folder)
    for plan in plans(card):
        batch = read_config(config_path(repository, plan.stage, "ngc")).max_batch_size
        target = repository / plan.stage / "1" / "model.plan"
        print(f"{plan.stage}: building a plan for {plan.side} to {plan.largest} px, 1 to {batch} photos", flush=True)
        # Renamed when it is whole: a container that was stopped meanwhile leaves no half plan.
        partial = target.with_suffix(".partial")
        partial.write_bytes(build(trt, path, plan, batch))
        partial.replace(target)
        print(f"{plan.stage}: {target.stat().st_size / 1e6:.0f} MB by TensorRT {native}", flush=True)


if __name__ == "__main__":
    main()
