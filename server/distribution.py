"""Find Triton: the binary of the `nvidia-pytriton` wheel, or `tritonserver` on PATH as in NVIDIA's container."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BACKENDS = Path("backends")


@dataclass(frozen=True, slots=True)
class Triton:
    """A Triton server that can be started: its binary, and for the wheel's the folders it does not find alone."""

    binary: Path
    libraries: Path | None = None
    backends: Path | None = None
    stub: Path | None = None

    def prepare(self, runtime: Path) -> list[str]:
        """Lay out what the server needs in the folder `runtime`; return the flags that point there."""
        if self.backends is None or self.stub is None:
            return []
        python = runtime / BACKENDS / "python"
        python.mkdir(parents=True)
        for file in (self.backends / "python").iterdir():
            if file.is_file():
                (python / file.name).symlink_to(file)
        (python / self.stub.name).symlink_to(self.stub)
        return [f"--backend-directory={runtime / BACKENDS}"]

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment in which server and Python stubs find their libraries and this very Python."""
        libraries = [str(self.libraries)] if self.libraries else []
        # The stub loads libpython by name; without this it would find the distribution's, of another build.
        libraries += [str(sysconfig.get_config_var("LIBDIR")), base.get("LD_LIBRARY_PATH", "")]
        path = [str(Path(sys.executable).parent), base.get("PATH", os.defpath)]
        return {
            **base,
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
            "PATH": os.pathsep.join(path),
        }


def find_triton() -> Triton:
    """Return the wheel's Triton, else the one on PATH; raise FileNotFoundError that says how to get one."""
    spec = importlib.util.find_spec("pytriton")
    if spec and spec.origin:
        package = Path(spec.origin).parent
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        triton = Triton(
            binary=package / "tritonserver" / "bin" / "tritonserver",
            libraries=package.parent / "nvidia_pytriton.libs",
            backends=package / "tritonserver" / "backends",
            stub=package / "tritonserver" / "python_backend_stubs" / version / "triton_python_backend_stub",
        )
        assert triton.stub is not None
        if not triton.stub.is_file():
            raise FileNotFoundError(f"nvidia-pytriton has no Python stub for {version}: use Python 3.11 or 3.12")
        _require_libpython()
        return triton
    if found := shutil.which("tritonserver"):
        return Triton(binary=Path(found))
    raise FileNotFoundError(
        "no Triton server: pip install '.[server]' in milgrain's checkout, or put tritonserver on PATH"
    )


def _require_libpython() -> None:
    """Raise FileNotFoundError where the shared libpython that Triton's Python stub loads is missing."""
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    if (Path(str(sysconfig.get_config_var("LIBDIR"))) / name).is_file():
        return
    try:
        ctypes.CDLL(name)
    except OSError:
        package = name.partition(".so")[0]
        raise FileNotFoundError(
            f"Triton's Python backend needs {name}, which this Python lacks: apt-get install {package}, "
            "or use a Python built with --enable-shared"
        ) from None
