"""How far a relight changes a piece: in colour, and in the fine structure of its lightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernels.reference.composite import relit
from kernels.reference.difference import difference, lab
from kernels.reference.srgb import F32, encoded_to_linear


@dataclass(frozen=True, slots=True)
class Change:
    """`mean` and `p95`: CIEDE2000 against the photo's own pixels; `detail`: correlation of the fine structure of
    lightness (1: the same lines at the same places).
    """

    mean: float
    p95: float
    detail: float


def change(shown: F32, light: F32) -> Change | None:
    """Compare a photo as the relight network sees it, [6, S, S], with itself relit by `light` [g, g, 12].

    Only where alpha, its fourth plane, is above a half; None where it is nowhere.
    """
    inside = shown[3] > 0.5
    if not inside.any():
        return None
    before = encoded_to_linear(shown[:3].transpose(1, 2, 0))
    one, other = lab(before), lab(relit(before, light).clip(0, 1))
    apart = difference(one[inside], other[inside])
    fine = [np.diff(np.diff(a[..., 0], axis=0), axis=1)[inside[1:, 1:]] for a in (one, other)]
    scale = float(np.sqrt((fine[0] ** 2).sum() * (fine[1] ** 2).sum()))
    detail = float((fine[0] * fine[1]).sum()) / scale if scale > 1e-6 else 1.0
    return Change(float(apart.mean()), float(np.percentile(apart, 95)), detail)
