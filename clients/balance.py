"""Share one run's photos among several servers: the least busy takes the next, a lost one is out until it is back."""

from __future__ import annotations

import hashlib
import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_not_result,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from clients import store
from clients.client import Answer, Client, Ensemble, Order, check_size
from clients.errors import BadImage, MilgrainError, Overloaded, ServerError, Unavailable
from clients.source import Job

ATTEMPTS = 4
"""How often a photo may be under way when a server is lost, or be failed by one, before it is given up."""
ALONE = 2
"""Losses after which a photo is suspected: it is then sent alone, so that its neighbours are not taken for it."""
PAUSE = 0.5
"""Seconds of the first pause after a refusal or a loss; each further one is up to twice as long, with jitter."""
LONGEST_PAUSE = 8.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: its answer, or why there is none."""

    job: Job
    result: Answer | MilgrainError
    server: str = ""
    """Address of the server that answered; empty where none did."""
    photo_sha256: str = ""
    latency_ms: float = 0.0
    """From handing the photo to the stream until its answer."""


def answers(
    servers: Sequence[str],
    jobs: Iterable[Job],
    *,
    ensemble: Ensemble = "catalog",
    in_flight: int = 8,
    timeout: float | None = None,
    patience: float = 60.0,
) -> Generator[Outcome, None, None]:
    """Yield what becomes of each job, in whatever order, once for each; at most `in_flight` per server are unanswered,
    fewer while a server is overloaded.

    Priority 1 goes before 2. The next photo goes to the ready server with the fewest photos under way. A server that
    is lost, stops or does not answer within `timeout` seconds is out until it is ready again, and what it owes is
    sent anew; what an overloaded one turns away is sent later. Other failures of a server are tried again, a photo's
    own never. Raise the last error when no server has anything under way and none answered for `patience` seconds.
    """
    floor = _Floor(jobs, in_flight, patience)
    lanes = [_Lane(Client(address), floor, ensemble, timeout) for address in servers]
    floor.lanes = lanes
    threads = [threading.Thread(target=lane.run, name=f"milgrain {lane.client.address}") for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        while floor.left:
            yield floor.next()
    finally:
        floor.close()
        for lane in lanes:
            lane.client.close()
        for thread in threads:
            thread.join()


@dataclass(slots=True)
class _UnderWay:
    """A photo that a server has not answered yet."""

    place: tuple[int, int]
    job: Job
    since: float = field(default_factory=time.monotonic)
    photo_sha256: str = ""


class _Floor:
    """The books of one run, shared by all lanes: what waits, what is under way where, what is answered."""

    def __init__(self, jobs: Iterable[Job], in_flight: int, patience: float) -> None:
        self.waiting = [((job.priority, number), job) for number, job in enumerate(jobs)]
        heapq.heapify(self.waiting)
        self.left = len(self.waiting)
        self.in_flight = in_flight
        self.patience = patience
        self.lanes: list[_Lane] = []
        self.losses: Counter[str] = Counter()
        self.outcomes: deque[tuple[_Lane, Outcome]] = deque()
        self.in_hand: _Lane | None = None
        self.trouble: MilgrainError | None = None
        self.broken: BaseException | None = None
        self.answered_at = time.monotonic()
        self.closed = threading.Event()
        self.changed = threading.Condition()

    def next(self) -> Outcome:
        """Return the next outcome; the room of the one before it is free from now on."""
        with self.changed:
            if self.in_hand:
                self.in_hand.unread -= 1
                self.in_hand = None
                self.answered_at = time.monotonic()  # the servers had no room while the caller kept us waiting
                self.changed.notify_all()
            while not self.outcomes:
                if self.broken:
                    raise self.broken
                is_idle = not any(lane.under_way for lane in self.lanes)
                if self.trouble and is_idle and time.monotonic() - self.answered_at > self.patience:
                    raise self.trouble
                self.changed.wait(0.1)
            self.in_hand, outcome = self.outcomes.popleft()
            self.left -= 1
            if not self.left:
                self.changed.notify_all()
            return outcome

    def take(self, lane: _Lane, stream: int) -> _UnderWay | None:
        """Wait until this lane may send another photo, and return it; None when the stream is to end."""
        with self.changed:
            while not self.closed.is_set() and lane.stream == stream and self.left:
                if self._is_next(lane):
                    place, job = heapq.heappop(self.waiting)
                    lane.under_way[job.sku] = sent = _UnderWay(place, job)
                    self.changed.notify_all()  # another lane may be the least busy one now
                    return sent
                pause = lane.pause_until - time.monotonic()
                self.changed.wait(pause if pause > 0 else None)
            return None

    def _is_next(self, lane: _Lane) -> bool:
        """Tell whether the first waiting photo may go to this lane now."""
        now = time.monotonic()
        rooms = [
            other
            for other in self.lanes
            if other.is_ready and now >= other.pause_until and other.busy < int(other.window)
        ]
        if not self.waiting or lane not in rooms or lane.busy > min(other.busy for other in rooms):
            return False
        under_way = [sent.job.sku for other in self.lanes for sent in other.under_way.values()]
        if any(self.losses[sku] >= ALONE for sku in under_way):
            return False
        return self.losses[self.waiting[0][1].sku] < ALONE or not under_way

    def settle(self, lane: _Lane, sku: str, result: Answer | MilgrainError) -> bool:
        """Note what a lane's server, or the disk, said of a photo; False when the server is stopping."""
        with self.changed:
            sent = lane.under_way.get(sku)
            if sent is None:  # It was taken back meanwhile, and is another's.
                return True
            if isinstance(result, Unavailable):
                return False
            del lane.under_way[sku]
            if type(result) is ServerError:
                self.losses[sku] += 1
            if isinstance(result, Overloaded) or (type(result) is ServerError and self.losses[sku] < ATTEMPTS):
                heapq.heappush(self.waiting, (sent.place, sent.job))
                self.trouble = result
                lane.back_off()
                if isinstance(result, Overloaded):
                    lane.window = max(1.0, float(lane.busy))  # what it did take, and from there slowly up again
            else:
                if not isinstance(result, ServerError):
                    lane.attempts = 0
                    lane.window = min(self.in_flight, lane.window + 1 / lane.window)
                self._finish(lane, sent, result)
            self.changed.notify_all()
            return True

    def start(self, lane: _Lane) -> int:
        """Let a ready lane take photos; return its stream's number."""
        with self.changed:
            lane.is_ready = True
            lane.stream += 1
            self.changed.notify_all()
            return lane.stream

    def eject(self, lane: _Lane, cause: MilgrainError) -> None:
        """Take back what a lane's server owes. Photos that were under way when it was lost are counted."""
        with self.changed:
            lane.is_ready = False
            lane.stream += 1
            taken, lane.under_way = lane.under_way, {}
            is_lost = not isinstance(cause, _Stopping)
            for sku, sent in taken.items():
                self.losses[sku] += is_lost
                if self.losses[sku] < ATTEMPTS:
                    heapq.heappush(self.waiting, (sent.place, sent.job))
                    continue
                said = f"{sku}: the server was lost {ATTEMPTS} times with this photo under way"
                self._finish(lane, sent, type(cause)(said))
            self.trouble = cause
            lane.back_off()
            self.changed.notify_all()

    def _finish(self, lane: _Lane, sent: _UnderWay, result: Answer | MilgrainError) -> None:
        now = time.monotonic()
        self.answered_at, self.trouble = now, None
        lane.unread += 1
        latency_ms = round(1000 * (now - sent.since), 1)
        self.outcomes.append((lane, Outcome(sent.job, result, lane.client.address, sent.photo_sha256, latency_ms)))

    def report(self, trouble: MilgrainError) -> None:
        """Note why a server is not ready."""
        with self.changed:
            self.trouble = trouble

    def stop(self, cause: BaseException) -> None:
        """End the run by an error that is none of a server's: the caller gets it."""
        with self.changed:
            self.broken = cause
            self.changed.notify_all()

    def close(self) -> None:
        """End every lane."""
        with self.changed:
            self.closed.set()
            self.changed.notify_all()


class _Stopping(Unavailable):
    """The server turned photos away because it ends: none of them is to blame."""


class _Lane:
    """One server: its connection, its stream, what it owes."""

    def __init__(self, client: Client, floor: _Floor, ensemble: Ensemble, timeout: float | None) -> None:
        self.client = client
        self.floor = floor
        self.ensemble: Ensemble = ensemble
        self.timeout = timeout
        self.is_ready = False
        self.stream = 0
        self.attempts = 0
        self.pause_until = 0.0
        self.unread = 0
        self.under_way: dict[str, _UnderWay] = {}
        self.window = float(floor.in_flight)

    @property
    def busy(self) -> int:
        """How many photos take room in its window: unanswered, or answered and not yet read by the caller."""
        return len(self.under_way) + self.unread

    def back_off(self) -> None:
        """Pause longer with every attempt that was not answered."""
        self.attempts += 1
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = self.attempts
        wait = wait_random_exponential(multiplier=PAUSE, max=LONGEST_PAUSE)
        self.pause_until = time.monotonic() + wait(state)

    def run(self) -> None:
        """Stream photos to the server until every one of the run is settled."""
        floor = self.floor
        try:
            while self._wait_until_ready():
                number = floor.start(self)
                lost: MilgrainError | None = None
                orders = self._orders(number)
                try:
                    with closing(
                        self.client.stream(
                            orders, ensemble=self.ensemble, in_flight=floor.in_flight, timeout=self.timeout
                        )
                    ) as stream:
                        for sku, result in stream:
                            if not floor.settle(self, sku, result):
                                lost = _Stopping(str(result))
                                floor.eject(self, lost)  # wakes the sender, so that the stream can end
                                break
                except ServerError as broken:
                    lost = broken
                    floor.eject(self, lost)
                if lost is None:
                    return
        except BaseException as broken:
            floor.stop(broken)

    def _orders(self, number: int) -> Generator[Order, None, None]:
        """Yield photos as the floor gives them to this lane; one that cannot be read, or sent, fails alone."""
        while sent := self.floor.take(self, number):
            job = sent.job
            try:
                if not store.is_url(job.photo):  # before it takes its room in memory
                    check_size(job.photo, store.local(job.photo).stat().st_size)
                photo = store.read(job.photo)
                check_size(job.photo, len(photo))
            except BadImage as too_large:
                self.floor.settle(self, job.sku, too_large)
                continue
            except OSError as unreadable:
                self.floor.settle(self, job.sku, BadImage(f"{job.photo}: {unreadable.strerror or unreadable}"))
                continue
            sent.photo_sha256 = hashlib.sha256(photo).hexdigest()
            sent.since = time.monotonic()
            yield Order(job.sku, photo, job.look, job.priority)

    def _wait_until_ready(self) -> bool:
        """Ask again and again whether the server is ready; False when the run is over."""
        start = time.monotonic()
        closed = self.floor.closed

        def is_ready() -> bool:
            if closed.wait(max(0.0, self.pause_until - time.monotonic())):
                return False
            if self.client.ready():
                return True
            waited = time.monotonic() - start
            self.floor.report(Unavailable(f"no server is ready at {self.client.address} (waited {waited:.0f} s)"))
            return False

        retrying = Retrying(
            retry=retry_if_not_result(bool),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            sleep=sleep_using_event(closed),
            stop=stop_when_event_set(closed),
            retry_error_callback=lambda _: False,
        )
        return retrying(is_ready)
