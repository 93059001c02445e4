"""What the kernels' rows on a GPU say that they move, against the arrays that each launch is given."""

from __future__ import annotations

import numpy as np
import pytest

from kernels import launch
from perf.cases import ROWS, Batch, Shares, bytes_moved


class Given(launch.Cupy):
    """Counts the bytes of the arrays of every launch, and runs none."""

    def __init__(self) -> None:
        self.bytes = 0

    def allocate(self, count):
        return np.zeros(count, np.uint8)

    def upload(self, array):
        return array

    def index(self):
        return 0

    def wait(self):
        pass

    def function(self, file, name):
        def call(grid, block, arguments):
            self.bytes += sum(value.nbytes for value in arguments if isinstance(value, np.ndarray))

        return call


SIDE, COUNT = 512, 2


@pytest.fixture(scope="module")
def given():
    """Return each row's bytes, and the shares of its alpha."""
    device, launch.device = launch.device, Given()
    try:
        batch = Batch(SIDE, COUNT)
        found = {}
        for name, call in batch.calls.items():
            launch.device.bytes = 0
            call()
            found[name] = launch.device.bytes
        return found, batch.shares
    finally:
        launch.device = device


def test_every_row_has_a_call(given):
    assert tuple(given[0]) == ROWS


@pytest.mark.parametrize("name", ["guided", "backdrop", "composite", "composite with shadow"])
def test_kernels_that_look_at_every_pixel_move_what_they_are_given(given, name):
    # What changes in place (the cells of a pyramid) is given once and moved twice; tables and curves are not counted.
    assert bytes_moved(name, SIDE, COUNT, given[1]) == pytest.approx(given[0][name], rel=0.05)


@pytest.mark.parametrize("name", ["specks", "filament", "openings", "foreground"])
def test_no_kernel_moves_more_than_it_is_given(given, name):
    assert bytes_moved(name, SIDE, COUNT, Shares(1, 1)) < given[0][name]
    assert bytes_moved(name, SIDE, COUNT, Shares(0, 0)) > given[0][name] / 3
