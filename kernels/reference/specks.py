"""What the network half saw apart from the piece, and was nowhere sure of: smears and crumbs, not jewelry."""

from __future__ import annotations

import cv2
import numpy as np

from kernels.reference.srgb import F32, Plane

SEEN, SURE = 0.2, 0.7
"""Network alpha of a component's pixels, and the least that its highest has; hysteresis as in Canny 1986."""


def without_specks(alpha: F32) -> F32:
    """Return the network's alpha [h, w] with 0 in each component above SEEN, by 8 neighbours, that nowhere is SURE.

    Where none is, all stay: better a doubtful piece, which the report flags, than none.
    """
    labels: Plane
    count, labels = cv2.connectedComponents((alpha > SEEN).astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[0] = True
    kept[labels[alpha >= SURE]] = True
    return alpha if kept.all() or not kept[1:].any() else np.where(kept[labels], alpha, np.float32(0))
