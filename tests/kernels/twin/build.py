"""Build a `.cu` file for the CPU and call its kernels as CuPy's RawKernel is called, on NumPy arrays."""

from __future__ import annotations

import ctypes
import hashlib
import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np

HOST = Path(__file__).with_name("host.h")
CUDA = Path(__file__).resolve().parents[3] / "kernels" / "cuda"
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)\s*\{')
SHARED = re.compile(r"__shared__ ([\w ]+?) (\w+)((?:\[[^\]]+\])+);")
FLAGS = ["-std=c++20", "-O1", "-march=native", "-shared", "-fPIC", "-w"]


def kernels(source: str) -> dict[str, list[str]]:
    """Return each kernel's parameter types."""
    return {
        name: [re.sub(r"\s*\w+$", "", one.strip()) for one in parameters.split(",")]
        for name, parameters in KERNEL.findall(source)
    }


def translated(source: str) -> str:
    """Return C++ of a `.cu`: poisoned statics for shared memory, one C entry per kernel."""
    bodies = {name: source[start:] for name, start in ((m[1], m.end()) for m in KERNEL.finditer(source))}
    # Static: a kernel may be named like a function of the C library.
    own = source.replace('extern "C" __global__', "static __global__")
    lines = ['#include "host.h"', SHARED.sub(r"static \1 \2\3; HOST_POISON(\2)", own)]
    for name, types in kernels(source).items():
        body = bodies[name].split('extern "C"')[0]
        values = ", ".join(f"*({kind}*)a[{k}]" for k, kind in enumerate(types))
        lines += [
            f"static void host_{name}(void** a) {{ {name}({values}); }}",
            f'extern "C" void run_{name}(void** a, const unsigned* grid, const unsigned* block, unsigned order) '
            f"{{ host_run(host_{name}, a, {str('__syncthreads' in body).lower()}, grid, block, order); }}",
        ]
    return "\n".join(lines).replace(" __restrict__", "")


@cache
def library(stem: str, text: str, folder: Path, sanitize: bool) -> ctypes.CDLL:
    """Compile the text of a `.cu` file; the same text is compiled once."""
    source = translated(text)
    everything = source + HOST.read_text() + "".join(p.read_text() for p in sorted(CUDA.glob("*.cuh")))
    name = f"{stem}-{hashlib.sha256(everything.encode()).hexdigest()[:16]}{'-asan' if sanitize else ''}"
    built = folder / f"{name}.so"
    if not built.exists():
        (folder / f"{name}.cpp").write_text(source)
        flags = [*FLAGS, "-fsanitize=address", "-g"] if sanitize else FLAGS
        includes = [f"-I{HOST.parent}", f"-I{CUDA}"]
        subprocess.run(["g++", *flags, *includes, str(folder / f"{name}.cpp"), "-o", str(built)], check=True)
    return ctypes.CDLL(str(built))


class Twin:
    """Runs kernels on the CPU, the threads in one order: 0 forward, 1 backward, else a seed."""

    def __init__(self, folder: Path, order: int, sanitize: bool = False, source: Path = CUDA) -> None:
        self.folder, self.order, self.sanitize, self.source = folder, order, sanitize, source

    def allocate(self, count: int) -> np.ndarray:
        """Return memory that holds what nobody wrote."""
        return np.full(count, 0xAB, np.uint8)

    def index(self) -> int:
        """Return the number of the only device."""
        return 0

    def wait(self) -> None:
        """Return: nothing is under way."""

    def upload(self, array: np.ndarray) -> np.ndarray:
        """Return a copy."""
        return array.copy()

    def download(self, array: np.ndarray) -> np.ndarray:
        """Return a copy."""
        return array.copy()

    def function(self, file: str, name: str):
        """Return one kernel, called with grid, block and arguments as a RawKernel is."""
        text = (self.source / f"{file}.cu").read_text()
        entry = library(file, text, self.folder, self.sanitize)[f"run_{name}"]
        types = kernels(text)[name]

        def call(grid, block, arguments):
            assert len(arguments) == len(types), f"{name}: {len(arguments)} arguments for {len(types)} parameters"
            held = [self.passed(kind, value) for kind, value in zip(types, arguments, strict=True)]
            pointers = (ctypes.c_void_p * len(held))(*(value.ctypes.data for value in held))
            sizes = [(ctypes.c_uint * 3)(*(*side, 1, 1)[:3]) for side in (grid, block)]
            entry(pointers, *sizes, ctypes.c_uint(self.order))

        return call

    @staticmethod
    def passed(kind: str, value):
        """Return an argument as the kernel finds it: a pointer or a number of the parameter's own type."""
        if "*" in kind:
            return np.array([value.ctypes.data], np.uint64)
        wanted = {"int": np.int32, "float": np.float32, "long long": np.int64}[kind.removeprefix("const ")]
        # CuPy passes a Python int as a 64-bit and a float as a double: only NumPy scalars have the right size.
        assert isinstance(value, wanted), f"{kind}: {type(value)}"
        return np.array([value])
