from __future__ import annotations

import cv2
import numpy as np
import pytest

from kernels.label import label


@pytest.mark.parametrize("connectivity", [4, 8])
def test_kernel_finds_opencvs_components(rng, batch, twin, connectivity):
    sizes = [(1, 1), (40, 70), (33, 31), (1, 50), (64, 8)]
    masks = [(rng.random(size) > 0.45).astype(np.uint8) for size in sizes]
    masks.append(np.ones((9, 40), np.uint8))
    mask, extents = batch(masks)
    labels, rows = label(mask, extents, connectivity)
    assert ((labels < 0) == (mask == 0)).all()
    numbers = []
    for got, row, one in zip(extents.split(labels), extents.split(rows), masks, strict=True):
        count, expected = cv2.connectedComponents(one, connectivity=connectivity)
        pairs = set(zip(got[one > 0].tolist(), expected[one > 0].tolist(), strict=True))
        assert len(pairs) == count - 1  # one to one
        firsts = sorted({first for first, _ in pairs})
        numbers += row.ravel()[firsts].tolist()
    assert sorted(numbers) == list(range(len(numbers)))
