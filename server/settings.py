"""Settings of one server, made once at the edge and passed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from server.cpus import cpus

PREFIX = "MILGRAIN_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and resources. `milgrain serve` hands them to the stage processes as MILGRAIN_* variables."""

    max_megapixels: float = 64.0
    """Largest photo, 1e6 pixels, read from the header before memory is taken."""
    max_megabytes: float = 50.0
    """Largest encoded photo, 1e6 bytes."""
    min_side: int = 16
    """Smallest side of a photo in pixels."""
    threads: int = field(default_factory=cpus)
    """Threads of the network on the CPU."""
    max_waiting: int = 8
    """Photos that may wait behind decode; more are turned away. 0: no limit."""
    plans: str = str(Path.home() / ".cache" / "milgrain" / "plans")
    """Folder that keeps what TensorRT built for this machine's GPUs."""
    board: str = ""
    """Folder of `engines.Board`; empty: nobody listens."""
    metrics: str = ""
    """host:port of Triton's metrics, which say how many wait."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read what is set; raise ValueError that names a variable which is no number."""
        values: dict[str, float | int | str] = {}
        for each in fields(cls):
            name = PREFIX + each.name.upper()
            if name in environment:
                number = {"int": int, "float": float, "str": str}[str(each.type)]
                try:
                    values[each.name] = number(environment[name])
                except ValueError:
                    raise ValueError(f"{name}={environment[name]!r} is not a number") from None
        return cls(**values)  # type: ignore[arg-type]

    def to_environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads."""
        return {PREFIX + name.upper(): str(value) for name, value in asdict(self).items()}
