"""The twin itself: it has to catch what it is there for."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import kernels.reference.backdrop
import kernels.reference.composite
import kernels.reference.figures
import kernels.reference.filament
import kernels.reference.foreground
import kernels.reference.openings
import kernels.reference.refine
import kernels.reference.specks
import kernels.reference.window

REVERSED = """
extern "C" __global__ void turned(const float* __restrict__ in, float* __restrict__ out) {
    __shared__ float tile[64];
    tile[threadIdx.x] = in[64 * blockIdx.x + threadIdx.x];
    BARRIER
    out[64 * blockIdx.x + threadIdx.x] = tile[63 - threadIdx.x];
}
"""


@pytest.mark.parametrize("order", [0, 1, 5])
def test_a_barrier_is_kept_and_a_missing_one_is_seen(rng, own_twin, order):
    given = rng.random((3, 64), dtype=np.float32)
    out = np.zeros_like(given)
    own_twin(REVERSED.replace("BARRIER", "__syncthreads();"), order).function("own", "turned")(
        (3,), (64,), (given, out)
    )
    np.testing.assert_array_equal(out, given[:, ::-1])
    own_twin(REVERSED.replace("BARRIER", ""), order).function("own", "turned")((3,), (64,), (given, out))
    assert np.isnan(out).any()  # half of the tile had not been written: poison


def test_a_number_of_the_wrong_size_is_refused(own_twin):
    twin = own_twin('extern "C" __global__ void one(int count, int* out) { *out = count; }', 0)
    out = np.zeros(1, np.int32)
    twin.function("own", "one")((1,), (1,), (np.int32(7), out))
    assert out == [7]
    with pytest.raises(AssertionError, match="int"):
        twin.function("own", "one")((1,), (1,), (7, out))


def sanitized(arguments, root):
    """Run Python under AddressSanitizer; return the exit status and what was said."""
    # With the C++ library: OpenCV's exceptions pass through the sanitizer, which has to know where they are thrown.
    loaded = [
        subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"LD_PRELOAD": " ".join(loaded), "ASAN_OPTIONS": "detect_leaks=0"},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_no_kernel_leaves_its_arrays(root):
    """Every kernel's own test once more, built with AddressSanitizer."""
    wanted = ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/kernels", "--sanitize", "-k"]
    status, said = sanitized([*wanted, "kernel and forward"], root)
    assert status == 0, said
    assert int(re.findall(r"(\d+) passed", said)[0]) >= 10


def test_an_overrun_is_seen(root, tmp_path):
    (tmp_path / "own.cu").write_text('extern "C" __global__ void past(int* out) { out[threadIdx.x] = 1; }')
    script = f"""
import importlib.util, pathlib, numpy
spec = importlib.util.spec_from_file_location("build", "tests/kernels/twin/build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
here = pathlib.Path({str(tmp_path)!r})
build.Twin(here, 0, True, here).function("own", "past")((1,), (WIDTH,), (numpy.zeros(1000, numpy.int32),))
"""
    status, said = sanitized(["-c", script.replace("WIDTH", "1000")], root)
    assert status == 0, said
    status, said = sanitized(["-c", script.replace("WIDTH", "1001")], root)
    assert status != 0
    assert "heap-buffer-overflow" in said


@pytest.mark.parametrize(
    "name", ["backdrop", "composite", "figures", "filament", "foreground", "openings", "refine", "specks", "window"]
)
def test_kernels_and_references_have_the_same_constants(root, name):
    source = (root / "kernels" / "cuda" / f"{name}.cu").read_text()
    reference = vars(getattr(kernels.reference, name))
    found = {
        key: float(value.rstrip("f"))
        for line in re.findall(r"^constexpr (?:int|float) (.*?);", source, re.M)
        for key, value in re.findall(r"(\w+) = ([\d.e-]+f?)(?=,|$)", line)
    }
    shared = {key for key in found if key in reference}
    assert shared
    for key in shared:
        assert reference[key] == pytest.approx(found[key]), key
