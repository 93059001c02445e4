"""Every kernel compiles for an H100 without a GPU; what it takes of the machine is bounded and printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cuda.bindings import nvrtc

CUDA = Path(__file__).resolve().parents[2] / "kernels" / "cuda"
REGISTERS = 64
"""At most: so that 1,024 threads fit an SM of 65,536 registers."""
USED = re.compile(r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers(.*?)\n", re.S)


def compiled(path: Path) -> tuple[bytes, str]:
    """Return the cubin for sm_90 and the compiler's log; raise AssertionError with the log."""
    _, program = nvrtc.nvrtcCreateProgram(path.read_bytes(), path.name.encode(), 0, [], [])
    options = [b"--gpu-architecture=sm_90", b"--std=c++17", f"-I{CUDA}".encode(), b"--ptxas-options=-v"]
    (result,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = b" " * size
    nvrtc.nvrtcGetProgramLog(program, log)
    said = log.decode(errors="replace").rstrip("\0 ")
    assert result == nvrtc.nvrtcResult.NVRTC_SUCCESS, said
    _, size = nvrtc.nvrtcGetCUBINSize(program)
    cubin = b" " * size
    nvrtc.nvrtcGetCUBIN(program, cubin)
    return cubin, said


@pytest.mark.parametrize("path", sorted(CUDA.glob("*.cu")), ids=lambda path: path.stem)
def test_compiles_alone_within_bounds(path):
    cubin, said = compiled(path)
    assert cubin[:4] == b"\x7fELF"
    found = USED.findall(said)
    assert {name for name, *_ in found} == set(re.findall(r'extern "C" __global__ void (\w+)\(', path.read_text()))
    for name, spilled, registers, rest in found:
        print(f"{path.stem}.{name}: {registers} registers, {spilled} bytes spilled{rest}")
        assert int(spilled) == 0
        assert int(registers) <= REGISTERS
