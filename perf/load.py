"""Put load on a server and time it: a closed loop keeps N photos under way, an open loop does not wait for answers."""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

from clients.client import Answer, Client
from clients.errors import MilgrainError, Overloaded
from server.contract import Look

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
HIGHEST_US = 3_600_000_000
Z = 1.96
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One photo: when it was due, when it was sent, when its answer was there (seconds), and how it failed, if so."""

    due: float
    sent: float
    ended: float
    error: str = ""
    retryable: bool = False


@dataclass(slots=True)
class Round:
    """The replies of one stretch of steady load."""

    start: float
    seconds: float
    replies: list[Reply] = field(default_factory=list)
    """Of a closed loop to what was answered in the stretch, of an open one to what was due in it."""
    earlier: list[Reply] = field(default_factory=list)
    """Of an open loop: to what was due before the stretch."""

    @property
    def good(self) -> list[Reply]:
        """Replies that are answers."""
        return [reply for reply in self.replies if not reply.error]

    def per_second(self) -> float:
        """Answers per second of the stretch."""
        return len(self.good) / self.seconds

    def goodput(self, target_ms: float) -> float:
        """Answers within `target_ms` per second."""
        return sum((reply.ended - reply.due) * 1000 <= target_ms for reply in self.good) / self.seconds

    def halves(self) -> tuple[float, float]:
        """Answers per second that came in the first and the second half, whenever due: equal in a steady state."""
        half = self.seconds / 2
        halves = [(reply.ended - self.start) // half for reply in self.earlier + self.replies if not reply.error]
        return halves.count(0) / half, halves.count(1) / half

    def errors(self) -> dict[str, int]:
        """Failures by class."""
        return dict(Counter(reply.error for reply in self.replies if reply.error))


def histogram(rounds: Sequence[Round]) -> HdrHistogram:
    """Return all answers' latencies from the moment they were due, in microseconds, to three digits."""
    found = HdrHistogram(1, HIGHEST_US, 3)
    for reply in itertools.chain.from_iterable(each.good for each in rounds):
        found.record_value(max(1, round((reply.ended - reply.due) * 1e6)))
    return found


def percentiles(found: HdrHistogram) -> dict[str, dict[str, float | bool]]:
    """Return each percentile in milliseconds with its 95 % interval (binomial, of any distribution).

    `is_known` is false where fewer than ten answers lie beyond it: the figure is then hardly more than the maximum.
    """
    count = found.get_total_count()
    out: dict[str, dict[str, float | bool]] = {}
    for percentile in PERCENTILES if count else ():
        share = percentile / 100
        reach = 100 * Z * math.sqrt(share * (1 - share) / count)
        low, at, high = (
            found.get_value_at_percentile(min(100.0, max(0.0, each))) / 1000
            for each in (percentile - reach, percentile, percentile + reach)
        )
        out[f"p{percentile:g}"] = {
            "ms": round(at, 1),
            "low_ms": round(low, 1),
            "high_ms": round(high, 1),
            "is_known": round(count * (1 - share), 6) >= 10,
        }
    return out


def closed(
    address: str, photos: Sequence[bytes], look: Look, *, concurrency: int, warm_up: float, seconds: float
) -> Round:
    """Keep `concurrency` photos under way, each caller sending its next when it has its answer.

    Counts the answers that come between `warm_up` and `warm_up + seconds` seconds.
    """
    begin = time.monotonic()
    start, end = begin + warm_up, begin + warm_up + seconds
    replies: list[Reply] = []
    broken: list[BaseException] = []
    numbers = itertools.count()

    def call(client: Client) -> None:
        try:
            while time.monotonic() < end:
                sent, error, retryable = time.monotonic(), "", False
                try:
                    client.cut(photos[next(numbers) % len(photos)], look, timeout=300)
                except MilgrainError as failed:
                    error, retryable = type(failed).__name__, isinstance(failed, Overloaded)
                replies.append(Reply(sent, sent, time.monotonic(), error, retryable))
        except BaseException as failed:
            broken.append(failed)

    with Client(address) as client:
        callers = [threading.Thread(target=call, args=(client,)) for _ in range(concurrency)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    if broken:
        raise broken[0]
    return Round(start, seconds, [reply for reply in replies if start <= reply.ended < end])


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """Return the seconds at which photos are due: Poisson arrivals of `rate` per second."""
    chance = random.Random(seed)
    times = itertools.accumulate(iter(lambda: chance.expovariate(rate), None))
    return list(itertools.takewhile(lambda at: at < seconds, times))


def opened(
    address: str,
    photos: Sequence[bytes],
    look: Look,
    *,
    rate: float,
    warm_up: float,
    seconds: float,
    seed: int = 0,
    timeout: float = 120.0,
) -> Round:
    """Send photos when they are due, answered or not; latencies count from then, so that no wait is omitted.

    Counts the photos that are due between `warm_up` and `warm_up + seconds` seconds.
    """
    under_way: list[tuple[float, float, Future[Answer], list[float]]] = []
    with Client(address) as client:
        begin = time.monotonic()
        for number, at in enumerate(arrivals(rate, warm_up + seconds, seed)):
            time.sleep(max(0.0, begin + at - time.monotonic()))
            ended: list[float] = []
            sent = time.monotonic()
            future = client.submit(photos[number % len(photos)], look, timeout=timeout)
            future.add_done_callback(lambda _, ended=ended: ended.append(time.monotonic()))
            under_way.append((begin + at, sent, future, ended))
        unanswered = wait([future for _, _, future, _ in under_way], timeout + 10).not_done
        if unanswered:
            raise RuntimeError(f"{len(unanswered)} photos were neither answered nor refused within {timeout:g} s")
        while not all(ended for *_, ended in under_way):  # a future wakes who waits for it before it calls back
            time.sleep(0.001)
    start = begin + warm_up
    replies = [_reply(*each) for each in under_way]
    return Round(
        start,
        seconds,
        [reply for reply in replies if reply.due >= start],
        [reply for reply in replies if reply.due < start],
    )


def _reply(due: float, sent: float, future: Future[Any], ended: list[float]) -> Reply:
    failed = future.exception()
    if failed is not None and not isinstance(failed, MilgrainError):
        raise failed
    return Reply(due, sent, ended[0], type(failed).__name__ if failed else "", isinstance(failed, Overloaded))
