import io
import itertools

import pytest
from PIL import Image

from clients.client import Answer
from clients.errors import ServerError
from perf.soak import Soak, growth, size_of


def answer_to(name, photo):
    """Answer as the server does: the photo's size and bytes in the report, its size in the picture."""
    width, height = Image.open(io.BytesIO(photo)).size
    return Answer(name, photo, {"photo": {"width": width, "height": height, "bytes": len(photo)}})


@pytest.fixture
def soak():
    return Soak([Image.new("RGB", (300, 200), "tan")])


def test_no_two_photos_of_a_run_have_one_size():
    assert len({size_of(number) for number in range(20_000)}) == 20_000


def test_right_answers_pass(soak):
    for name, photo in soak.photos(5):
        soak.check(name, answer_to(name, photo))
    assert (soak.answered, soak.most_under_way, soak.mismatches, soak.failures) == (5, 1, [], [])


def test_swapped_answers_are_noticed(soak):
    (first, photo), (second, other) = itertools.islice(soak.photos(3), 2)
    soak.check(first, answer_to(first, other))
    soak.check(second, answer_to(second, photo))
    assert soak.most_under_way == 2
    assert len(soak.mismatches) == 2


def test_failures_are_kept(soak):
    for name, _ in soak.photos(1):
        soak.check(name, ServerError("broken"))
    assert soak.failures == ["broken"]


def test_memory_at_rest_is_looked_at_when_every_photo_is_answered(soak):
    looks = []
    for name, photo in soak.photos(450, at_rest=lambda: looks.append((soak.answered, len(soak.under_way)))):
        soak.check(name, answer_to(name, photo))
    assert looks == [(200, 0), (400, 0), (450, 0)]


def test_growth_is_the_trend_at_rest_and_the_peak_under_load():
    at_rest = [{"answered": n, "mib": 102 + max(0, n - 600) / 50} for n in range(200, 1001, 200)]
    under_load = [{"answered": n, "mib": 5000.0 if n < 200 else 900.0} for n in range(50, 1001, 50)]
    expected = {"at_200": 102, "at_end": 110, "highest_after": 900}
    expected |= {"growth_per_1000": 10, "growth_per_1000_second_half": 20}
    assert growth(at_rest, under_load, "mib") == expected
