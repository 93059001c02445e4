"""The border to Triton's Python backend, with its module and CuPy played by the few names that it takes of them."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from kernels import launch
from server.report import Report


class OnDevice:
    """Stands for a CuPy array: as that does, it refuses to be joined with one of the host's."""

    def __init__(self, host):
        self.host, self.shape, self.flags = host, host.shape, host.flags

    def __len__(self):
        return len(self.host)

    def __getitem__(self, index):
        return OnDevice(self.host[index])

    def __rmul__(self, factor):
        return OnDevice(factor * self.host)

    def __array_function__(self, function, types, arguments, options):
        if function is not np.concatenate or not all(issubclass(kind, OnDevice) for kind in types):
            raise TypeError(f"unsupported types {types}")
        return OnDevice(np.concatenate([one.host for one in arguments[0]]))

    def __dlpack__(self, stream):
        return self.host.copy().__dlpack__()


class Tensor:
    def __init__(self, name, array, is_cpu=True):
        self.name, self.array, self._is_cpu = name, array, is_cpu

    def is_cpu(self):
        return self._is_cpu

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    @staticmethod
    def from_dlpack(name, capsule):
        holder = type("Capsule", (), {"__dlpack__": lambda _, **__: capsule, "__dlpack_device__": lambda _: (1, 0)})
        return Tensor(name, np.from_dlpack(holder()).copy())


class TritonError(Exception):
    INVALID_ARG, UNAVAILABLE, INTERNAL = "INVALID_ARG", "UNAVAILABLE", "INTERNAL"

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class MetricFamily:
    COUNTER = "counter"

    def __init__(self, **told):
        self.counts = {}

    def Metric(self, labels):
        what = labels["what"]
        self.counts[what] = 0
        return SimpleNamespace(increment=lambda count: self.counts.update({what: self.counts[what] + count}))


class Request:
    def __init__(self, wanted, *tensors):
        self.wanted, self.tensors = wanted, {tensor.name: tensor for tensor in tensors}

    def requested_output_names(self):
        return self.wanted

    def request_id(self):
        return "7"


class CudaError(RuntimeError):
    """Stands for CUDARuntimeError and CUDADriverError, which have CUDA's number in `status`."""

    def __init__(self, status):
        super().__init__(f"cudaError{status}: as CUDA says it")
        self.status = status


def played():
    """Return the two modules: Triton's, and CuPy."""
    triton = ModuleType("triton_python_backend_utils")
    triton.Tensor, triton.TritonError, triton.MetricFamily = Tensor, TritonError, MetricFamily
    triton.InferenceResponse = lambda tensors=(), error=None: SimpleNamespace(
        error=error, arrays={tensor.name: tensor.array for tensor in tensors}
    )
    triton.get_input_tensor_by_name = lambda request, name: request.tensors[name]
    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(
        Device=lambda number: SimpleNamespace(use=lambda: None),
        Stream=lambda non_blocking: contextlib.nullcontext(),
        get_current_stream=lambda: SimpleNamespace(synchronize=lambda: None),
        runtime=SimpleNamespace(CUDARuntimeError=CudaError, deviceSynchronize=lambda: None),
        driver=SimpleNamespace(CUDADriverError=type("CUDADriverError", (CudaError,), {})),
    )
    cupy.from_dlpack = lambda tensor: OnDevice(tensor.array)
    return {"triton_python_backend_utils": triton, "cupy": cupy}


def placed(triton, stage, kind):
    """Return where Triton runs an instance of a stage."""
    return triton.Place(
        {
            "model_name": stage,
            "model_repository": "/nowhere",
            "model_version": "1",
            "model_instance_kind": kind,
            "model_instance_device_id": "0",
            "model_config": json.dumps({"max_batch_size": 8}),
        }
    )


@pytest.fixture
def triton(monkeypatch):
    threads = cv2.getNumThreads()
    for name, module in played().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "server.triton", raising=False)
    monkeypatch.setattr(launch, "device", SimpleNamespace(upload=lambda array: OnDevice(array.copy())))
    yield importlib.import_module("server.triton")
    sys.modules.pop("server.triton", None)
    cv2.setNumThreads(threads)


@pytest.fixture
def crop(rng):
    """A request to crop; its pixels and what locate found are in the host's memory or the GPU's."""

    def make(pixels_here, coarse_here):
        report = Report.begin()
        report.carried(host_to_device=5)
        tensors = [
            Tensor("pixels", rng.integers(0, 256, (1, 5, 7, 3), dtype=np.uint8), pixels_here),
            Tensor("overview_coarse", rng.random((1, 3, 4, 4), dtype=np.float32), coarse_here),
            Tensor("report", report.write()[None].copy()),
        ]
        return Request(["report", "net_input"], *tensors)

    return make


@pytest.mark.parametrize(("pixels_here", "coarse_here", "carried"), [(0, 0, 0), (1, 0, 105), (0, 1, 192), (1, 1, 297)])
def test_pictures_of_the_hosts_are_brought_to_the_gpu_and_counted(triton, crop, pixels_here, coarse_here, carried):
    """Triton hands over the host's memory where its pool on the GPU is full."""
    seen = {}

    def function(**arrays):
        seen.update({name: isinstance(array, OnDevice) for name, array in arrays.items()})
        return {"report": arrays["report"], "net_input": arrays["pixels"]}

    place, request = placed(triton, "crop", "GPU"), crop(pixels_here, coarse_here)
    with place:
        (answer,) = triton.serve_each([request], place, function)
    assert answer.error is None
    assert seen == {"pixels": True, "overview_coarse": True, "report": False}
    np.testing.assert_array_equal(answer.arrays["net_input"], request.tensors["pixels"].array)
    assert Report.read(answer.arrays["report"][0]).facts["device"]["host_to_device"] == 5 + carried
    assert place._family.counts == {"host_to_device": carried, "device_to_host": 0, "tables": 0}


def test_on_the_cpu_nothing_is_brought_anywhere(triton, crop):
    place, request, seen = placed(triton, "crop", "CPU"), crop(1, 1), []
    with place:
        triton.serve_each([request], place, lambda **arrays: seen.extend(map(type, arrays.values())) or {})
    assert seen == [np.ndarray] * 3
    assert place._family.counts["host_to_device"] == 0


def test_batch_that_is_partly_the_hosts_is_answered_on_the_gpu(triton, rng):
    """One photo came while the pool was full, its neighbour did not."""
    inputs = [rng.random((1, 3, 4, 4), dtype=np.float32) for _ in range(3)]
    requests = [Request(["coarse"], Tensor("net_input", one, number == 1)) for number, one in enumerate(inputs)]
    place = placed(triton, "segment", "GPU")
    with place:
        answers = triton.serve_batch(requests, place, lambda net_input: {"coarse": 2 * net_input})
    assert [answer.error for answer in answers] == [None] * 3
    for one, answer in zip(inputs, answers, strict=True):
        np.testing.assert_array_equal(answer.arrays["coarse"], 2 * one)
    assert place._family.counts["host_to_device"] == inputs[1].nbytes


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ValueError("bad image: truncated"), "INVALID_ARG"),
        (ValueError("bad look: size"), "INVALID_ARG"),
        (ValueError("overloaded: 64 wait"), "UNAVAILABLE"),
        (ValueError("a shape"), "INTERNAL"),
        (ZeroDivisionError("x"), "INTERNAL"),
    ],
)
@pytest.mark.parametrize("kind", ["CPU", "GPU"])
def test_failure_is_the_answer_of_its_request(triton, crop, failure, code, kind):
    calls = []

    def function(**arrays):
        calls.append(1)
        if len(calls) == 1:
            raise failure
        return {"net_input": arrays["pixels"]}

    place = placed(triton, "crop", kind)
    first, second = triton.serve_each([crop(1, 1), crop(1, 1)], place, function)
    assert (first.error.code, second.error) == (code, None)
    assert str(failure) in str(first.error)


def failing(status, how):
    """Answer a request whose stage fails by that CUDA error; print the answer."""
    sys.modules |= (modules := played())
    triton = importlib.import_module("server.triton")
    cuda = modules["cupy"].cuda
    error = CudaError(int(status))

    def synchronize():
        raise error

    def function(**arrays):
        if how == "other library":
            cuda.runtime.deviceSynchronize = synchronize
            raise RuntimeError("the engine failed")
        if how == "driver":
            raise cuda.driver.CUDADriverError(int(status))
        if how == "wrapped":
            raise RuntimeError("the engine failed") from error
        raise error

    batched = Tensor("net_input", np.zeros((1, 3, 4, 4), np.float32), is_cpu=False)
    single = Tensor("photo", np.zeros((1, 9), np.uint8)), Tensor("look", np.zeros((1, 2), np.uint8))
    if how == "batch":
        answers = triton.serve_batch([Request(["coarse"], batched)], placed(triton, "segment", "GPU"), function)
    else:
        kind = "CPU" if how == "cpu" else "GPU"
        answers = triton.serve_each([Request(["pixels"], *single)], placed(triton, "decode", kind), function)
    print(answers[0].error.code)


def ended(root, status, how):
    command = [sys.executable, __file__, str(status), how]
    return subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True)


@pytest.mark.parametrize("how", ["runtime", "driver", "wrapped", "other library", "batch"])
def test_broken_cuda_ends_the_process_in_one_line(root, how):
    """700: an illegal address. Nobody is answered, Triton sees an end that is none of its own making."""
    done = ended(root, 700, how)
    stage = "segment" if how == "batch" else "decode"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{stage}: this process ends, for CUDA is broken in it: cudaError700: as CUDA says it\n"


@pytest.mark.parametrize(("status", "how"), [(2, "runtime"), (2, "other library"), (1, "driver"), (700, "cpu")])
def test_any_other_error_of_cuda_is_the_photos(root, status, how):
    """2: out of memory; 1: an invalid value. On the CPU there is no CUDA to break."""
    done = ended(root, status, how)
    assert (done.returncode, done.stdout) == (0, "INTERNAL\n")
    assert "request '7'" in done.stderr


if __name__ == "__main__":
    failing(*sys.argv[1:])
