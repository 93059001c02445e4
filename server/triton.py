"""The one border to Triton's Python backend: DLPack in, a stage function, DLPack out, one answer per request."""

from __future__ import annotations

import ctypes
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import triton_python_backend_utils as pb_utils  # type: ignore[import-not-found]

from server.contract import BAD_IMAGE, BAD_LOOK, OVERLOADED, STAGES

# Every instance is a process of its own: instances keep the cores busy, threads within them only get in the way.
cv2.setNumThreads(1)

_PyCapsule_SetDestructor = ctypes.pythonapi.PyCapsule_SetDestructor
_PyCapsule_SetDestructor.argtypes = [ctypes.py_object, ctypes.c_void_p]


def serve_each(requests: Sequence[Any], stage: str, function: Callable[..., Mapping[str, np.ndarray]]) -> list[Any]:
    """Answer every request alone: for stages whose photos differ in size. Arrays lose and regain the batch axis."""
    names = [tensor.name for tensor in STAGES[stage].inputs]

    def answer(request: Any) -> Any:
        arrays = {name: _array(request, name) for name in names}
        if wrong := [f"{name} {array.shape}" for name, array in arrays.items() if array.shape[0] != 1]:
            raise ValueError(f"one photo per request, got {', '.join(wrong)}")
        found = function(**{name: array[0] for name, array in arrays.items()})
        return _response(request, {name: array[None] for name, array in found.items()})

    return [_guarded(stage, request, answer) for request in requests]


def serve_batch(requests: Sequence[Any], stage: str, function: Callable[..., Mapping[str, np.ndarray]]) -> list[Any]:
    """Answer all requests by one call: for stages of fixed size. One bad request fails the batch: shapes are checked
    by Triton before, so only the network itself can fail here.
    """
    names = [tensor.name for tensor in STAGES[stage].inputs]

    def answers() -> list[Any]:
        parts = {name: [_array(request, name) for request in requests] for name in names}
        spans = pairwise([0, *accumulate(len(array) for array in parts[names[0]])])
        found = function(**{name: np.concatenate(arrays) for name, arrays in parts.items()})
        return [
            _response(request, {name: array[start:end] for name, array in found.items()})
            for request, (start, end) in zip(requests, spans, strict=True)
        ]

    try:
        return answers()
    except Exception as failure:
        return [_refusal(stage, request, failure) for request in requests]


def folder(args: Mapping[str, str]) -> Path:
    """Return the version folder of the model that Triton is loading."""
    return Path(args["model_repository"]) / args["model_version"]


def _array(request: Any, name: str) -> np.ndarray:
    # as_numpy() is wrong under NumPy 2 and copies; DLPack does neither.
    return np.from_dlpack(pb_utils.get_input_tensor_by_name(request, name))


def _response(request: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    wanted = set(request.requested_output_names())
    return pb_utils.InferenceResponse([_tensor(name, array) for name, array in arrays.items() if name in wanted])


def _tensor(name: str, array: np.ndarray) -> Any:
    capsule = np.require(array, requirements=["C", "W"]).__dlpack__()  # DLPack cannot export read-only memory
    # Triton frees the array itself, but marks the capsule "used_dlpack", where DLPack says "used_dltensor"; NumPy's
    # destructor takes that for a capsule nobody used, reports it, and thereby calls itself without end.
    _PyCapsule_SetDestructor(capsule, None)
    return pb_utils.Tensor.from_dlpack(name, capsule)


def _guarded(stage: str, request: Any, answer: Callable[[Any], Any]) -> Any:
    try:
        return answer(request)
    except Exception as failure:
        return _refusal(stage, request, failure)


def _refusal(stage: str, request: Any, failure: Exception) -> Any:
    """Turn a failure into this request's answer: what says BAD_IMAGE or BAD_LOOK is the caller's, all else is ours."""
    if isinstance(failure, ValueError) and str(failure).startswith((BAD_IMAGE, BAD_LOOK)):
        error = pb_utils.TritonError(str(failure), pb_utils.TritonError.INVALID_ARG)
    elif isinstance(failure, ValueError) and str(failure).startswith(OVERLOADED):
        error = pb_utils.TritonError(str(failure), pb_utils.TritonError.UNAVAILABLE)
    else:
        print(f"{stage}: request {request.request_id()!r}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        cause = f"{stage} failed: {type(failure).__name__}: {failure}"
        error = pb_utils.TritonError(cause, pb_utils.TritonError.INTERNAL)
    return pb_utils.InferenceResponse(error=error)
