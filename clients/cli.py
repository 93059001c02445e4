"""The command `milgrain`: cut photos, keep a server running."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from server.contract import BAD_LOOK, Look, explain

if TYPE_CHECKING:
    from clients.batch import Outcome

app = typer.Typer(
    name="milgrain",
    help="Cut jewelry photos out of their backgrounds and set them on pure white.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
PLAIN_SECONDS = 10
"""Seconds between progress lines where no bar can be drawn."""


class Ensemble(StrEnum):
    """What the server has to offer."""

    catalog = "catalog"
    cutout = "cutout"


class Stop(Exception):
    """The command cannot be carried out, or not to its end: exit code 2."""


@dataclass(slots=True)
class Tally:
    """What became of the photos."""

    skipped: int = 0
    done: int = 0
    needs_review: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one photo."""
        if isinstance(outcome.result, Exception):
            self.failures.append(str(outcome.result))
            return
        self.done += 1
        self.needs_review += bool(outcome.result.report.get("needs_review"))
        self.reasons.update(map(_kind, outcome.result.report.get("reasons", ())))

    def show(self) -> None:
        """Print the summary, and every failure with its file and cause."""
        print(
            f"done {self.done}, skipped {self.skipped}, failed {len(self.failures)}, needs review {self.needs_review}"
        )
        for reason, count in self.reasons.most_common():
            print(f"  review: {reason}: {count}")
        for failure in self.failures:
            print(f"  failed: {failure}")


def _kind(reason: str) -> str:
    """Return the reason without what differs from photo to photo: brackets and numbers."""
    return re.sub(r"\d+(\.\d+)?", "#", re.sub(r" \([^)]*\)", "", reason))


@app.callback(invoke_without_command=True)
def milgrain(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Cut jewelry photos out of their backgrounds and set them on pure white."""
    if version:
        print(f"milgrain {importlib.metadata.version('milgrain')}")
        raise typer.Exit


@app.command()
def cut(
    photos: Annotated[list[str], typer.Argument(help="Files, folders (with all below them) or quoted globs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures; it mirrors the photos' tree.")],
    look: Annotated[str, typer.Option(help="JSON of the look; the options below override its fields.")] = "{}",
    background: Annotated[str | None, typer.Option(help="white, transparent or #rrggbb.")] = None,
    size: Annotated[str | None, typer.Option(help="2000, 1600x2000, or photo: the photo's own framing.")] = None,
    fill: Annotated[float | None, typer.Option(help="Share of the canvas that the piece spans, 0 to 1.")] = None,
    upscale: Annotated[bool | None, typer.Option(help="Enlarge small pieces to fill the canvas.")] = None,
    relight: Annotated[float | None, typer.Option(help="Strength of the relight; 0 keeps the photo's pixels.")] = None,
    format: Annotated[str | None, typer.Option(help="jpeg, png or webp.")] = None,
    quality: Annotated[int | None, typer.Option(help="JPEG quality, 50 to 100.")] = None,
    matte: Annotated[bool | None, typer.Option(help="With --ensemble cutout: the alpha alone.")] = None,
    ensemble: Annotated[Ensemble, typer.Option(help="catalog: the picture; cutout: RGBA.")] = Ensemble.catalog,
    server: Annotated[str, typer.Option(help="Address of the server's gRPC port.")] = "localhost:8001",
    in_flight: Annotated[int, typer.Option(min=1, help="How many photos may be unanswered at a time.")] = 16,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one answer may take.")] = 300,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Redo pictures that exist already.")] = False,
    reports: Annotated[bool, typer.Option("--reports", help="Write each photo's report beside its picture.")] = False,
) -> None:
    """Cut PHOTOS and write their pictures below OUT; pictures that exist are skipped, so a broken run can be resumed.

    Exit code: 0 when every photo has its picture, 1 when some failed, 2 for a wrong command or no server.
    """
    from clients.batch import PICTURE_SUFFIXES, plan, run
    from clients.client import Client
    from clients.errors import BadLook, MilgrainError, Unavailable

    fields = {"background": background, "size": size, "fill": fill, "upscale": upscale, "relight": relight,
              "format": format, "quality": quality, "matte": matte}  # fmt: skip
    wanted = read_look(look, {name: value for name, value in fields.items() if value is not None}, ensemble)
    try:
        jobs = plan(photos, out, PICTURE_SUFFIXES[wanted.format])
    except (FileNotFoundError, ValueError) as wrong:
        raise Stop(str(wrong)) from None
    if not jobs:
        raise Stop(f"no photos in {', '.join(photos)}")
    due = [job for job in jobs if overwrite or not job.picture.exists()]
    tally = Tally(skipped=len(jobs) - len(due))
    with Client(server) as client:
        if due:
            try:
                client.wait_ready(timeout=5)
            except Unavailable as gone:
                raise Stop(f"{gone}; start one with: milgrain serve") from None
        results = run(
            client, due, wanted, ensemble=ensemble.value, in_flight=in_flight, timeout=timeout, reports=reports
        )
        try:
            for outcome in shown(results, len(due)):
                tally.add(outcome)
        except KeyboardInterrupt:
            tally.show()
            raise
        except BadLook as wrong:
            raise Stop(str(wrong)) from None
        except (MilgrainError, OSError) as broken:
            tally.show()
            left = len(due) - tally.done - len(tally.failures)
            raise Stop(f"{broken}; {left} photos left, the same command goes on with them") from None
    tally.show()
    raise typer.Exit(1 if tally.failures else 0)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    help="Keep a server running (milgrain serve --help). Needs: pip install 'milgrain[server]'",
)
def serve(context: typer.Context) -> None:
    """Hand over to the server, which is found by name: its packages may be absent."""
    try:
        (verb,) = importlib.metadata.entry_points(group="milgrain.verbs", name="serve")
        code = verb.load()(context.args)
    except ModuleNotFoundError as missing:
        raise Stop(f"the server needs {missing.name}: pip install 'milgrain[server]'") from None
    raise typer.Exit(code)


def read_look(text: str, options: dict[str, Any], ensemble: Ensemble) -> Look:
    """Return the look that the command line describes; a cutout is a PNG unless asked otherwise."""
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise Stop(f"--look is not JSON: {wrong}") from None
    if not isinstance(fields, dict):
        raise Stop("--look is not a JSON object")
    if "size" in options:
        options["size"] = _read_size(options["size"])
    default = {"format": "png"} if ensemble is Ensemble.cutout else {}
    try:
        return Look.model_validate(default | fields | options)
    except ValidationError as wrong:
        raise Stop(f"{BAD_LOOK}{explain(wrong)}") from None


def _read_size(text: str) -> int | list[int] | None:
    """Return 2000 for `2000`, [1600, 2000] for `1600x2000`, None for `photo`."""
    if text == "photo":
        return None
    try:
        sides = [int(side) for side in text.lower().split("x")]
    except ValueError:
        raise Stop(f"--size is {text}; write 2000, 1600x2000 or photo") from None
    return sides[0] if len(sides) == 1 else sides


def shown(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """Pass the outcomes on, with a bar where one can be drawn, else with a line now and then."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[name]}"), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=total, name="")
            for outcome in outcomes:
                bar.update(task, advance=1, name=escape(outcome.job.photo.name))
                yield outcome
        return
    told = time.monotonic()
    for count, outcome in enumerate(outcomes, 1):
        if time.monotonic() - told > PLAIN_SECONDS:
            told = time.monotonic()
            print(f"{count} of {total}", file=sys.stderr, flush=True)
        yield outcome


def main() -> None:
    """Run the command and exit with its code."""
    try:
        app()
    except Stop as stopped:
        print(f"milgrain: {stopped}", file=sys.stderr)
        sys.exit(2)
