"""Cut whole folders overnight: write each picture once and whole, whatever is killed meanwhile."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from clients import store
from clients.balance import Outcome, answers
from clients.client import Answer, Ensemble
from clients.compliance import check
from clients.errors import BadLook, Unwritten
from clients.journal import Entry, Journal
from clients.presets import load_preset
from clients.source import Job

ITS_PATH = frozenset({errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR})
"""What the disk says of one picture's path: too long, a folder's, or below a file. All else ends the run: a full disk,
a folder that is forbidden or gone (of a link that leads nowhere it says EEXIST) would fail every photo.
"""


def run(
    servers: Sequence[str],
    jobs: Sequence[Job],
    *,
    ensemble: Ensemble = "catalog",
    in_flight: int = 8,
    timeout: float | None = None,
    reports: bool = False,
    patience: float = 60.0,
) -> Iterator[Outcome]:
    """Stream the jobs' photos, write each picture as it arrives, and yield what became of each job.

    See `answers` for servers that are lost, stop or are overloaded. Raise BadLook at once; OSError where the disk
    refuses more than this picture's path.
    """
    options = {"ensemble": ensemble, "in_flight": in_flight, "timeout": timeout, "patience": patience}
    for outcome in answers(servers, jobs, **options):
        if isinstance(outcome.result, BadLook):
            raise outcome.result
        if isinstance(outcome.result, Answer):
            try:
                _write(outcome.job, outcome.result, reports)
            except OSError as refused:
                if refused.errno not in ITS_PATH:
                    raise
                _forget(outcome.job)
                outcome = replace(outcome, result=Unwritten(f"{outcome.job.photo}: {_said(refused)}"))
        yield outcome


def go_on(
    journal: Journal,
    servers: Sequence[str],
    *,
    ensemble: Ensemble = "catalog",
    in_flight: int = 8,
    timeout: float | None = None,
    reports: bool = False,
    patience: float = 60.0,
) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Do what is left of a journalled run; yield each job with the detail that is now in the journal.

    A picture is staged beside its place, its hash is noted, it takes its name, and is noted as done: killed at any
    moment, the next call finds which of these steps is missing, and does not cut the photo again for it.
    """
    for entry in list(journal.entries("staged")):
        _mend(journal, entry)
    due = [entry.job for entry in journal.entries("")]
    options = {"ensemble": ensemble, "in_flight": in_flight, "timeout": timeout, "patience": patience}
    for outcome in answers(servers, due, **options):
        yield outcome.job, _keep(journal, outcome, reports)


def again(journal: Journal) -> int:
    """Put every failed job back into the run; return how many."""
    failed = list(journal.entries("failed"))
    for entry in failed:
        journal.note(entry.job.sku, "again")
    return len(failed)


def _keep(journal: Journal, outcome: Outcome, reports: bool) -> dict[str, Any]:
    """Bring one outcome to the disk and into the journal; return its detail."""
    job, answer = outcome.job, outcome.result
    detail: dict[str, Any] = {
        "photo_sha256": outcome.photo_sha256,
        "server": outcome.server,
        "latency_ms": outcome.latency_ms,
    }
    if not isinstance(answer, Answer):
        return _fail(journal, job, detail, answer)
    made = {"sha256": hashlib.sha256(answer.image).hexdigest(), "bytes": len(answer.image), "report": answer.report}
    if job.preset:
        made["violations"] = [str(found) for found in check(answer.image, load_preset(job.preset)) if not found.kept]
    try:
        if reports:
            store.write(job.report, json.dumps(answer.report, indent=1).encode())
        if store.is_url(job.picture):
            store.write(job.picture, answer.image)
        else:
            store.stage(job.picture, answer.image)
            journal.note(job.sku, "staged", **detail, **made)
            store.settle(job.picture)
    except OSError as refused:
        if refused.errno not in ITS_PATH:
            raise
        return _fail(journal, job, detail, refused)
    detail |= made
    journal.note(job.sku, "done", **detail)
    return detail


def _fail(journal: Journal, job: Job, detail: dict[str, Any], cause: Exception) -> dict[str, Any]:
    """Note a job as failed, and leave nothing of it beside its place; return its detail."""
    said = _said(cause) if isinstance(cause, OSError) else str(cause)
    detail |= {"kind": type(cause).__name__, "cause": said}
    _forget(job)
    journal.note(job.sku, "failed", **detail)
    return detail


def _said(refused: OSError) -> str:
    """Return which path the disk refused, and why."""
    return f"{refused.filename2 or refused.filename}: {refused.strerror}"


def _forget(job: Job) -> None:
    """Take away what was written of a failed job beside its place."""
    for path in (job.picture, job.report):
        if not store.is_url(path):
            try:
                store.part(path).unlink(missing_ok=True)
            except OSError as refused:
                if refused.errno not in ITS_PATH:
                    raise


def _mend(journal: Journal, entry: Entry) -> None:
    """Finish a picture that was staged when the run was killed; cut it again where its bytes are not there.

    One whose path the disk refuses has failed.
    """
    job, wanted = entry.job, entry.detail["sha256"]
    beside = store.part(job.picture)
    try:
        for path in (beside, store.local(job.picture)):
            if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted:
                if path == beside:
                    store.settle(job.picture)
                journal.note(job.sku, "done", **entry.detail)
                return
    except OSError as refused:
        if refused.errno not in ITS_PATH:
            raise
        asked = ("photo_sha256", "server", "latency_ms")
        _fail(journal, job, {name: entry.detail[name] for name in asked if name in entry.detail}, refused)
        return
    journal.note(job.sku, "again")


def _write(job: Job, answer: Answer, reports: bool) -> None:
    """Write report and picture; the picture comes last and whole, so that its presence means that the job is done."""
    if reports:
        store.write(job.report, json.dumps(answer.report, indent=1).encode())
    store.write(job.picture, answer.image)
