"""What a run leaves behind for other programs: one row per photo as JSONL or Parquet, and the dead letters."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from clients import store
from clients.journal import Entry, Journal
from server.contract import Look

STATUS = {"done": "done", "failed": "failed", "staged": "left", "": "left"}
GROUP = 1000
"""Rows of a Parquet file's row group: so many are in memory at once."""


def rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """Yield one row per photo, in the order of the plan; every row has the same fields."""
    for entry in journal.entries():
        yield row(entry)


def row(entry: Entry) -> dict[str, Any]:
    """Return a job's row: status done, failed or left; what is not known is null."""
    job, detail = entry.job, entry.detail
    report = detail.get("report", {})
    status = STATUS[entry.state]
    return {
        "sku": job.sku,
        "photo": job.photo,
        "picture": job.picture if status == "done" else None,
        "status": status,
        "kind": detail.get("kind"),
        "cause": detail.get("cause"),
        "needs_review": report.get("needs_review"),
        "reasons": report.get("reasons", []),
        "preset": job.preset or None,
        "violations": detail.get("violations", []),
        "priority": job.priority,
        "width": report.get("picture", {}).get("width"),
        "height": report.get("picture", {}).get("height"),
        "bytes": detail.get("bytes"),
        "sha256": detail.get("sha256"),
        "photo_sha256": detail.get("photo_sha256"),
        "server": detail.get("server"),
        "latency_ms": detail.get("latency_ms"),
        "look": _told(job.look),
        "report": report or None,
    }


def _told(look: Look) -> dict[str, Any]:
    """Return the look as JSON has it, its scene named by its hash: 40,000 rows do not repeat 8 MB each."""
    told = json.loads(look.model_copy(update={"scene": None}).to_bytes())
    return told | {"scene": f"sha256:{_digest(look.scene)}"} if look.scene else told


@lru_cache(maxsize=16)
def _digest(scene: bytes) -> str:
    return sha256(scene).hexdigest()


def kind(cause: str) -> str:
    """Return a cause or a reason without what differs from photo to photo: the photo's name, brackets and numbers."""
    cause = cause.partition("bad image: ")[2] or cause
    return re.sub(r"\d+(\.\d+)?", "#", re.sub(r" \([^)]*\)", "", cause))


def broken(journal: Journal) -> int:
    """Return how many finished pictures break a rule of their preset."""
    return sum(bool(entry.detail.get("violations")) for entry in journal.entries("done"))


def write(journal: Journal, parquet: bool = False) -> None:
    """Write results.jsonl and dead-letters.jsonl into the run's folder, and results.parquet if asked for.

    Row by row: a run of any length takes no more memory than a short one.
    """
    results, dead_letters = (str(journal.folder / f"{name}.jsonl") for name in ("results", "dead-letters"))
    with store.staging(results) as every, store.staging(dead_letters) as failed:
        for each in rows(journal):
            line = json.dumps(each).encode() + b"\n"
            every.write(line)
            if each["status"] == "failed":
                failed.write(line)
    store.settle(results)
    store.settle(dead_letters)
    if parquet:
        _write_parquet(journal.folder / "results.parquet", rows(journal))


def _write_parquet(path: Path, found: Iterator[dict[str, Any]]) -> None:
    """Write the rows as Parquet; `look` and `report` become JSON text, for their fields differ from row to row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number, texts = pa.string(), pa.int64(), pa.list_(pa.string())
    kinds = {"needs_review": pa.bool_(), "latency_ms": pa.float64(), "reasons": texts, "violations": texts}
    kinds |= dict.fromkeys(("priority", "width", "height", "bytes"), number)
    group = list(islice(found, GROUP))
    schema = pa.schema([(name, kinds.get(name, text)) for name in (group[0] if group else {})])
    beside = store.part(str(path))
    with pq.ParquetWriter(beside, schema) as writer:
        while group:
            flat = [each | {"look": json.dumps(each["look"]), "report": json.dumps(each["report"])} for each in group]
            writer.write_table(pa.Table.from_pylist(flat, schema))
            group = list(islice(found, GROUP))
    os.replace(beside, path)  # noqa: PTH105 - the word for it
