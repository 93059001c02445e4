"""The one border to Triton's Python backend: DLPack in, a stage function, DLPack out, one answer per request."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]

from kernels import launch
from kernels.launch import Copies, copies
from server.contract import BAD_IMAGE, BAD_LOOK, OVERLOADED, REPORT, STAGES
from server.engines import Board, Engine, Start, on_cpu, on_gpu
from server.pixels import DEVICE, HOST, Pixels, contiguous
from server.report import Report
from server.settings import Settings

# Every instance is a process of its own: instances keep the cores busy, threads within them only get in the way.
cv2.setNumThreads(1)

STICKY = frozenset({214, 220, 226, 700, 702, 710, *range(714, 720), 721, 810})
"""CUDA's errors, runtime's and driver's alike, after which this process can compute nothing more.

CUDA's documentation says of all but two that "any further CUDA work will return the same error" and "the process must
be terminated and relaunched" (CUDA Runtime API, cudaError): 226 contained hardware error, 700 illegal address, 702
launch timeout, 710 assert, 714 stack, 715 instruction, 716 misaligned address, 717 address space, 718 program counter,
719 launch failure, 721 tensor memory leak, 810 client ended by MPS. 214 and 220 are memory and NVLink errors that the
hardware could not correct: what they hit is unknown. Out of memory (2) is none of them: a smaller photo may pass.
"""

_PyCapsule_SetDestructor = ctypes.pythonapi.PyCapsule_SetDestructor
_PyCapsule_SetDestructor.argtypes = [ctypes.py_object, ctypes.c_void_p]


Array = Any
"""NumPy's in the host's memory, CuPy's in a GPU's."""


class Place:
    """Where Triton runs one instance of a stage: `with place:` around its work makes its stream current."""

    def __init__(self, args: Mapping[str, str]) -> None:
        """Take what Triton hands to `initialize`: KIND_GPU in the configuration is what brings the work to a GPU."""
        self.stage, self.folder = args["model_name"], folder(args)
        self.settings = Settings.from_environment(os.environ)
        self.gpu = int(args["model_instance_device_id"]) if args["model_instance_kind"] == "GPU" else None
        self.batch = json.loads(args["model_config"])["max_batch_size"]
        # Triton forgets the metrics of a family that nobody holds.
        self._family = pb_utils.MetricFamily(
            name="milgrain_carried_bytes",
            description="Bytes carried between host and device: pictures each way, and tables both ways",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self._carried = {
            one.name: self._family.Metric(labels={"stage": self.stage, "what": one.name}) for one in fields(Copies)
        }
        self._before = Copies()
        if self.gpu is not None:
            import cupy as cp  # pyright: ignore[reportMissingImports]

            cp.cuda.Device(self.gpu).use()
            self._stream = cp.cuda.Stream(non_blocking=True)

    def start(self) -> Start:
        """Return what compiles networks here; to be used within the block, for engines belong to its stream."""
        return on_cpu(self.settings.threads) if self.gpu is None else on_gpu(Path(self.settings.plans))

    @property
    def pixels(self) -> Pixels:
        """Where the stage's pixel maths runs."""
        return HOST if self.gpu is None else DEVICE

    def tell(self, engine: Engine) -> None:
        """Let other stages and the launcher know what runs here."""
        Board(self.settings.board).tell(self.stage, engine.identity)

    def __enter__(self) -> Place:
        self._before = replace(copies)
        if self.gpu is not None:
            self._stream.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        if self.gpu is not None:
            self._stream.__exit__(*failure)
        carried = copies - self._before
        for name, metric in self._carried.items():
            if count := getattr(carried, name):
                metric.increment(count)


def serve_each(
    requests: Sequence[Any], place: Place, function: Callable[..., Mapping[str, Array | Callable[[], Array]]]
) -> list[Any]:
    """Answer every request alone: for stages whose photos differ in size. Arrays lose and regain the batch axis.

    What `function` returns as a function is made for those requests that ask for it.
    """

    def answer(request: Any) -> Any:
        arrays, carried = _arrays(request, place)
        if wrong := [f"{name} {array.shape}" for name, array in arrays.items() if array.shape[0] != 1]:
            raise ValueError(f"one photo per request, got {', '.join(wrong)}")
        photo = {name: array[0] for name, array in arrays.items()}
        if carried:
            report = Report.read(photo[REPORT.name])
            report.carried(host_to_device=carried)
            photo[REPORT.name] = report.write()
        found, wanted = function(**photo), request.requested_output_names()
        made: dict[str, Array] = {
            name: one() if callable(one) else one for name, one in found.items() if name in wanted
        }
        return _response({name: array[None] for name, array in made.items()})

    return [_guarded(place, request, answer) for request in requests]


def serve_batch(requests: Sequence[Any], place: Place, function: Callable[..., Mapping[str, Array]]) -> list[Any]:
    """Answer all requests by one call: for stages of fixed size. One bad request fails the batch: what differs from
    photo to photo was refused by decode.
    """
    names = [tensor.name for tensor in STAGES[place.stage].inputs]

    def answers() -> list[Any]:
        given = [_arrays(request, place) for request in requests]
        copies.host_to_device += sum(carried for _, carried in given)  # these stages take no report
        parts = {name: [arrays[name] for arrays, _ in given] for name in names}
        spans = pairwise([0, *accumulate(len(array) for array in parts[names[0]])])
        found = function(**{name: one[0] if len(one) == 1 else np.concatenate(one) for name, one in parts.items()})
        return [
            _response({name: found[name][start:end] for name in request.requested_output_names()})
            for request, (start, end) in zip(requests, spans, strict=True)
        ]

    try:
        return answers()
    except Exception as failure:
        return [_refusal(place, request, failure) for request in requests]


def folder(args: Mapping[str, str]) -> Path:
    """Return the version folder of the model that Triton is loading."""
    return Path(args["model_repository"]) / args["model_version"]


def _arrays(request: Any, place: Place) -> tuple[dict[str, Array], int]:
    """Return a request's arrays, and the bytes of pictures that had to be brought to the place's GPU.

    What has one axis (encoded bytes, JSON, a window) is read on the host and stays there. A picture comes in the host's
    memory where Triton's pool on the GPU is full.
    """
    arrays, carried = {}, 0
    for tensor in STAGES[place.stage].inputs:
        array = _array(request, tensor.name)
        if place.gpu is not None and len(tensor.dims) > 1 and isinstance(array, np.ndarray):
            carried += array.nbytes
            array = launch.device.upload(array)
        arrays[tensor.name] = array
    return arrays, carried


def _array(request: Any, name: str) -> Array:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    if tensor.is_cpu():
        # as_numpy() is wrong under NumPy 2 and copies; DLPack does neither.
        return np.from_dlpack(tensor)
    import cupy as cp  # pyright: ignore[reportMissingImports]

    # Complete when it comes: whoever made it has waited, see _response.
    return cp.from_dlpack(tensor)


def _response(arrays: Mapping[str, Array]) -> Any:
    if any(not isinstance(array, np.ndarray) for array in arrays.values()):
        import cupy as cp  # pyright: ignore[reportMissingImports]

        # Triton reads a tensor from another process, at once, and waits for no stream but the default one.
        cp.cuda.get_current_stream().synchronize()
    return pb_utils.InferenceResponse([_tensor(name, array) for name, array in arrays.items()])


def _tensor(name: str, array: Array) -> Any:
    if isinstance(array, np.ndarray):
        capsule = np.require(array, requirements=["C", "W"]).__dlpack__()  # DLPack cannot export read-only memory
    else:
        capsule = contiguous(array).__dlpack__(stream=-1)  # we waited already
    # Triton frees the array itself, but marks the capsule "used_dlpack", where DLPack says "used_dltensor"; NumPy's
    # destructor takes that for a capsule nobody used, reports it, and thereby calls itself without end. CuPy's lets
    # such a capsule be.
    _PyCapsule_SetDestructor(capsule, None)
    return pb_utils.Tensor.from_dlpack(name, capsule)


def _guarded(place: Place, request: Any, answer: Callable[[Any], Any]) -> Any:
    try:
        return answer(request)
    except Exception as failure:
        return _refusal(place, request, failure)


def _refusal(place: Place, request: Any, failure: Exception) -> Any:
    """Turn a failure into this request's answer: what says BAD_IMAGE or BAD_LOOK is the caller's, all else is ours.

    Where CUDA is broken for this process there is no answer, and no process: it would fail photo by photo, and be
    called ready all the same. The launcher then ends the server (`Server.wait_whole`); clients send again what is lost.
    """
    if isinstance(failure, ValueError) and str(failure).startswith((BAD_IMAGE, BAD_LOOK)):
        error = pb_utils.TritonError(str(failure), pb_utils.TritonError.INVALID_ARG)
    elif isinstance(failure, ValueError) and str(failure).startswith(OVERLOADED):
        error = pb_utils.TritonError(str(failure), pb_utils.TritonError.UNAVAILABLE)
    else:
        if said := _broken(place, failure):
            print(f"{place.stage}: this process ends, for CUDA is broken in it: {said}", file=sys.stderr, flush=True)
            os._exit(1)
        told = "".join(traceback.format_exception(failure))
        print(f"{place.stage}: request {request.request_id()!r}\n{told}", file=sys.stderr, flush=True)
        cause = f"{place.stage} failed: {type(failure).__name__}: {failure}"
        error = pb_utils.TritonError(cause, pb_utils.TritonError.INTERNAL)
    return pb_utils.InferenceResponse(error=error)


def _broken(place: Place, failure: Exception) -> str | None:
    """Return the error after which CUDA does nothing more in this process; None where there was none."""
    if place.gpu is None:
        return None
    import cupy as cp  # pyright: ignore[reportMissingImports]

    kinds = cp.cuda.runtime.CUDARuntimeError, cp.cuda.driver.CUDADriverError
    errors: list[Any] = []
    error: BaseException | None = failure
    while error:
        errors.append(error)
        error = error.__cause__ or error.__context__
    try:
        cp.cuda.runtime.deviceSynchronize()  # other libraries have errors of their own: CUDA says its own again
    except kinds as again:
        errors.append(again)
    return next((str(one) for one in errors if isinstance(one, kinds) and one.status in STICKY), None)
