"""The run's memory on disk: what was planned, and, append-only, what became of each photo."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clients import store
from clients.source import Job
from server.contract import Look

SCHEMA = (
    "CREATE TABLE run (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # A look may carry a whole scene: it is kept once, not once a photo.
    "CREATE TABLE looks (id INTEGER PRIMARY KEY, look TEXT NOT NULL)",
    "CREATE TABLE jobs (number INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, photo TEXT NOT NULL,"
    " picture TEXT NOT NULL UNIQUE, look INTEGER NOT NULL REFERENCES looks (id),"
    " preset TEXT NOT NULL, priority INTEGER NOT NULL)",
    "CREATE TABLE events (id INTEGER PRIMARY KEY, sku TEXT NOT NULL REFERENCES jobs (sku), at TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('staged', 'done', 'failed', 'again')), detail TEXT NOT NULL)",
    "CREATE INDEX event_of ON events (sku, id)",
    # The database itself refuses to call a photo done twice, or to forget anything.
    "CREATE UNIQUE INDEX done_once ON events (sku) WHERE state = 'done'",
    "CREATE TRIGGER no_update BEFORE UPDATE ON events BEGIN SELECT RAISE (ABORT, 'append-only'); END",
    "CREATE TRIGGER no_delete BEFORE DELETE ON events BEGIN SELECT RAISE (ABORT, 'append-only'); END",
)
LAST = "SELECT sku, state, detail, max(id) AS id FROM events GROUP BY sku"


@dataclass(frozen=True, slots=True)
class Entry:
    """One job and its last event. State: '' (nothing yet, or to be done again), staged, done, failed."""

    job: Job
    state: str
    detail: dict[str, Any]


class InUse(Exception):
    """Another process is at work on this run."""


class Journal:
    """SQLite in WAL mode; every event is on the disk when `note` returns. One process at a time holds it."""

    def __init__(self, folder: Path) -> None:
        """Open the run's journal, or make an empty one; raise InUse while another process holds it."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise InUse(f"another milgrain batch is at work on {folder}") from None
        self._db = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()
        os.close(self._lock)

    @property
    def is_planned(self) -> bool:
        """Whether the run's jobs are written down; a run killed before that starts anew."""
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone())

    def plan(self, jobs: Sequence[Job], **facts: Any) -> None:
        """Write down all jobs and what else is to be known of the run, at once or not at all.

        Photos and pictures are written from the root: the run may be resumed from another folder.
        """
        looks = {look: number for number, look in enumerate(dict.fromkeys(job.look for job in jobs))}
        rows = [
            (
                number,
                job.sku,
                store.absolute(job.photo),
                store.absolute(job.picture),
                looks[job.look],
                job.preset,
                job.priority,
            )
            for number, job in enumerate(jobs)
        ]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for statement in SCHEMA:
                self._db.execute(statement)
            written = [(number, look.model_dump_json()) for look, number in looks.items()]
            self._db.executemany("INSERT INTO looks VALUES (?, ?)", written)
            self._db.executemany("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            told = {"started": _now(), **facts}
            self._db.executemany(
                "INSERT INTO run VALUES (?, ?)", [(name, json.dumps(value)) for name, value in told.items()]
            )
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    @property
    def facts(self) -> dict[str, Any]:
        """What `plan` was told of the run."""
        return {name: json.loads(value) for name, value in self._db.execute("SELECT name, value FROM run")}

    def note(self, sku: str, state: str, **detail: Any) -> None:
        """Append one event; raise sqlite3.IntegrityError where a photo would be done twice."""
        row = (sku, _now(), state, json.dumps(detail))
        self._db.execute("INSERT INTO events (sku, at, state, detail) VALUES (?, ?, ?, ?)", row)

    def entries(self, *states: str) -> Iterator[Entry]:
        """Yield the jobs in one of these states, or all, in the order of the plan."""
        looks = {number: Look.model_validate_json(look) for number, look in self._db.execute("SELECT * FROM looks")}
        found = self._db.execute(
            "SELECT jobs.sku, photo, picture, look, preset, priority, state, detail FROM jobs"
            f" LEFT JOIN ({LAST}) AS last ON last.sku = jobs.sku ORDER BY number"
        )
        for sku, photo, picture, look, preset, priority, state, detail in found:
            state = "" if state in (None, "again") else state
            if not states or state in states:
                job = Job(sku, photo, picture, looks[look], preset, priority)
                yield Entry(job, state, json.loads(detail or "{}"))

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        found = self._db.execute(
            "SELECT CASE WHEN state IS NULL OR state = 'again' THEN '' ELSE state END, count(*) FROM jobs"
            f" LEFT JOIN ({LAST}) AS last ON last.sku = jobs.sku GROUP BY 1"
        )
        return {"": 0, "staged": 0, "done": 0, "failed": 0} | dict(found.fetchall())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
