"""The model repository: where it is, and that it keeps the contract, checked before Triton starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from server.card import Card, RelightCard, Weights, check_weights, read_card
from server.contract import ENSEMBLES, STAGES, Stage

HERE = Path(__file__).resolve().parent
NETWORKS: dict[str, type[Weights]] = {"segment": Card, "relight": RelightCard}
PACKAGED, CHECKOUT = HERE / "model_repository", HERE.parent / "model_repository"

# Its classes are made when it is imported, where no type checker sees them.
pb: Any = model_config_pb2


def default_repository() -> Path:
    """Return the repository that came with the package, or that of the checkout."""
    return PACKAGED if PACKAGED.is_dir() else CHECKOUT


def config_path(repository: Path, model: str, profile: str) -> Path:
    """Return the file Triton reads with --model-config-name=PROFILE: an ensemble is the same in every profile."""
    named = repository / model / "configs" / f"{profile}.pbtxt"
    return named if model in STAGES and profile != "ngc" else repository / model / "config.pbtxt"


def profiles(repository: Path) -> set[str]:
    """Return the profiles that every stage has a configuration for."""
    return set.intersection(
        *({path.stem for path in (repository / stage / "configs").glob("*.pbtxt")} for stage in STAGES)
    )


def read_config(path: Path) -> Any:
    """Parse one pbtxt; raise ValueError that names the file."""
    try:
        return text_format.Parse(path.read_text(), pb.ModelConfig())
    except FileNotFoundError:
        raise ValueError(f"{path}: missing") from None
    except text_format.ParseError as broken:
        raise ValueError(f"{path}: {broken}") from None


def check_repository(repository: Path, profile: str) -> dict[str, Any]:
    """Hold every model against the contract, and the networks against their cards.

    Returns the configurations by model. Raises ValueError that lists everything that is wrong.
    """
    wrong: list[str] = []
    configs: dict[str, Any] = {}
    for model, stage in (STAGES | ENSEMBLES).items():
        path = config_path(repository, model, profile)
        try:
            configs[model] = read_config(path)
        except ValueError as broken:
            wrong.append(str(broken))
            continue
        wrong += [f"{path}: {fault}" for fault in _differences(configs[model], model, stage)]
    for model, kind in NETWORKS.items():
        folder = repository / model / "1"
        try:
            check_weights(read_card(folder / "model.json", kind), folder)
        except (ValueError, FileNotFoundError) as broken:
            wrong.append(str(broken))
    if wrong:
        raise ValueError("the model repository breaks the contract:\n  " + "\n  ".join(wrong))
    return configs


def _differences(config: Any, model: str, stage: Stage) -> list[str]:
    faults = [] if config.name == model else [f'name is "{config.name}"']
    if config.max_batch_size < 1:
        faults.append("max_batch_size is 0: the contract's tensors have a batch axis")
    for side, found, wanted in (("input", config.input, stage.inputs), ("output", config.output, stage.outputs)):
        have = {(t.name, pb.DataType.Name(t.data_type).removeprefix("TYPE_"), tuple(t.dims)) for t in found}
        want = {(t.name, t.dtype, t.dims) for t in wanted}
        faults += [f"{side} {name} {dtype} {list(dims)} is missing" for name, dtype, dims in want - have]
        faults += [f"{side} {name} {dtype} {list(dims)} is not in the contract" for name, dtype, dims in have - want]
    return faults
