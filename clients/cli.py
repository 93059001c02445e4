"""The command `milgrain`: cut photos, keep a server running."""

from __future__ import annotations

import base64
import importlib.metadata
import importlib.util
import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clients.results import kind
from server.contract import Look

if TYPE_CHECKING:
    from clients.journal import Journal
    from clients.source import Job

Step = TypeVar("Step")

app = typer.Typer(
    name="milgrain",
    help="Cut jewelry photos out of their backgrounds and set them on pure white.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DEFAULT_SERVERS = ["localhost:8001"]
FIRST_WAIT = 5.0
"""Seconds that a new command waits for a server: one that is not there yet was probably forgotten."""
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
    violations: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, cause: str, report: dict[str, Any], violations: Iterable[str] = ()) -> None:
        """Count one photo: failed where there is a cause, else done."""
        if cause:
            self.failures.append(cause)
            return
        self.done += 1
        self.needs_review += bool(report.get("needs_review"))
        self.reasons.update(map(kind, report.get("reasons", ())))
        self.violations.update(rule.partition(":")[0] for rule in violations)

    def __str__(self) -> str:
        return f"{self.done} done, {len(self.failures)} failed, {self.needs_review} to review"

    def show(self) -> None:
        """Print the summary, and every failure with its file and cause."""
        print(
            f"done {self.done}, skipped {self.skipped}, failed {len(self.failures)}, needs review {self.needs_review}"
        )
        for reason, count in self.reasons.most_common():
            print(f"  review: {reason}: {count}")
        for rule, count in self.violations.most_common():
            print(f"  breaks its preset's rule: {rule}: {count}")
        for failure in self.failures:
            print(f"  failed: {failure}")


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
    scene: Annotated[Path | None, typer.Option(help="A picture to lay the pieces on, instead of a background.")] = None,
    size: Annotated[str | None, typer.Option(help="2000, 1600x2000, or photo: the photo's own framing.")] = None,
    fill: Annotated[float | None, typer.Option(help="Share of the canvas that the piece spans, 0 to 1.")] = None,
    upscale: Annotated[bool | None, typer.Option(help="Enlarge small pieces to fill the canvas.")] = None,
    shadow: Annotated[float | None, typer.Option(help="Strength of a contact shadow, 0 to 1.")] = None,
    relight: Annotated[float | None, typer.Option(help="Strength of the relight; 0 keeps the photo's pixels.")] = None,
    format: Annotated[str | None, typer.Option(help="jpeg, png or webp.")] = None,
    quality: Annotated[int | None, typer.Option(help="JPEG quality, 50 to 100.")] = None,
    matte: Annotated[bool | None, typer.Option(help="With --ensemble cutout: the alpha alone.")] = None,
    ensemble: Annotated[Ensemble, typer.Option(help="catalog: the picture; cutout: RGBA.")] = Ensemble.catalog,
    server: Annotated[list[str] | None, typer.Option(help="gRPC address; give it once per server.")] = None,
    in_flight: Annotated[int, typer.Option(min=1, help="How many photos per server may be unanswered.")] = 8,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one answer may take.")] = 300,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Redo pictures that exist already.")] = False,
    reports: Annotated[bool, typer.Option("--reports", help="Write each photo's report beside its picture.")] = False,
) -> None:
    """Cut PHOTOS and write their pictures below OUT; pictures that exist are skipped, so a broken run can be resumed.

    Exit code: 0 when every photo has its picture, 1 when some failed, 2 for a wrong command or no server.
    """
    from clients.batch import run
    from clients.errors import BadLook, MilgrainError
    from clients.source import plan

    fields = {"background": background, "scene": scene and _encoded(scene), "size": size, "fill": fill,
              "upscale": upscale, "shadow": shadow, "relight": relight, "format": format, "quality": quality,
              "matte": matte}  # fmt: skip
    wanted = read_look(look, {name: value for name, value in fields.items() if value is not None}, ensemble)
    try:
        jobs = plan(photos, out, wanted)
    except (FileNotFoundError, ValueError) as wrong:
        raise Stop(str(wrong)) from None
    if not jobs:
        raise Stop(f"no photos in {', '.join(photos)}")
    due = [job for job in jobs if overwrite or not Path(job.picture).is_file()]
    tally = Tally(skipped=len(jobs) - len(due))
    servers = server or DEFAULT_SERVERS
    if due:
        wait_for_any(servers)
    results = run(servers, due, ensemble=ensemble.value, in_flight=in_flight, timeout=timeout, reports=reports)
    try:
        for outcome in shown(results, len(due), tally):
            if isinstance(outcome.result, MilgrainError):
                tally.add(str(outcome.result), {})
            else:
                tally.add("", outcome.result.report)
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


@app.command()
def batch(
    source: Annotated[str | None, typer.Argument(help="Manifest (.csv, .jsonl), folder or URL.")] = None,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder or URL for the pictures.")] = "",
    run: Annotated[
        Path | None, typer.Option(help="The run's folder: journal, results, report. Default: OUT.run")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run; SOURCE is remembered.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="With --resume: try failed ones, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    preset: Annotated[str, typer.Option(help="Marketplace preset for who names none.")] = "",
    look: Annotated[str, typer.Option(help="JSON of the look, for who brings none.")] = "{}",
    ensemble: Annotated[Ensemble, typer.Option(help="catalog: the picture; cutout: RGBA.")] = Ensemble.catalog,
    server: Annotated[list[str] | None, typer.Option(help="gRPC address; give it once per server.")] = None,
    in_flight: Annotated[int, typer.Option(min=1, help="How many photos per server may be unanswered.")] = 8,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one answer may take.")] = 300,
    patience: Annotated[float, typer.Option(min=0.1, help="Seconds without any server until the run stops.")] = 300,
    reports: Annotated[bool, typer.Option("--reports", help="Write each photo's report beside its picture.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write results.parquet, too.")] = False,
) -> None:
    """Cut every photo of SOURCE into OUT, each exactly once, whatever is killed meanwhile.

    Exit code: 0 when every photo has its picture and keeps its preset's rules, 1 when some have not, 2 for a wrong
    command or no server, 130 when interrupted. After 2 and 130, --resume goes on.
    """
    from clients import results
    from clients.batch import again, go_on
    from clients.errors import MilgrainError
    from clients.journal import InUse, Journal

    if not out:
        raise Stop("--out is missing: where shall the pictures go?")
    folder = run or Path(f"{Path(out.partition('://')[2] or out).name}.run" if "://" in out else f"{Path(out)}.run")
    if resume and not (folder / "journal.sqlite").is_file():
        raise Stop(f"no run to resume in {folder}")
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise Stop("--parquet needs pyarrow: pip install '.[batch]' in milgrain's checkout")
    jobs = [] if resume else _planned(source, out, look, preset, ensemble)
    try:
        if dry_run:
            _tell_plan(jobs, folder if resume else None)
            return
        with Journal(folder) as journal:
            if not resume:
                if journal.is_planned:
                    raise Stop(f"there is a run in {folder} already: go on with --resume, or choose another --run")
                journal.plan(jobs, source=source, out=out, ensemble=ensemble.value, reports=reports)
            elif not journal.is_planned:
                raise Stop(f"the run in {folder} was killed before it was planned: start it again without --resume")
            facts = journal.facts
            if retry_failed and resume:
                print(f"{again(journal)} failed photos are tried again")
            counts = journal.counts()
            tally = Tally(skipped=counts["done"] + counts["failed"])
            left = counts[""] + counts["staged"]
            servers = server or DEFAULT_SERVERS
            stopped: Exception | None = None
            try:
                if left:
                    wait_for_any(servers, patience if resume else FIRST_WAIT)
                steps = go_on(
                    journal,
                    servers,
                    ensemble=facts["ensemble"],
                    in_flight=in_flight,
                    timeout=timeout,
                    reports=facts["reports"],
                    patience=patience,
                )
                for _, detail in shown(steps, left, tally):
                    tally.add(detail.get("cause", ""), detail.get("report", {}), detail.get("violations", ()))
            except (MilgrainError, OSError, Stop) as broken:
                stopped = broken
            finally:
                results.write(journal, parquet)
                _write_page(journal)
            tally.show()
            counts = journal.counts()
            print(f"run {folder}: {counts['done']} done, {counts['failed']} failed, of {sum(counts.values())}")
            if stopped:
                left = counts[""] + counts["staged"]
                raise Stop(f"{stopped}; {left} photos left: --resume goes on with them") from None
            raise typer.Exit(1 if counts["failed"] or results.broken(journal) else 0)
    except (InUse, OSError) as cause:
        raise Stop(str(cause)) from None
    except sqlite3.Error as cause:
        raise Stop(f"{folder / 'journal.sqlite'}: {cause}") from None


def _planned(source: str | None, out: str, look: str, preset: str, ensemble: Ensemble) -> list[Job]:
    """Return the jobs that the command line describes."""
    from clients.source import plan_batch

    if not source:
        raise Stop("SOURCE is missing: a manifest, a folder or a URL (or --resume)")
    try:
        given = read_look(look, {}, Ensemble.catalog)  # its own fields alone: a cutout's default goes below the preset
        jobs = plan_batch(source, out, given, preset, ensemble.value)
    except (OSError, ValueError) as wrong:
        raise Stop(str(wrong)) from None
    if not jobs:
        raise Stop(f"no photos in {source}")
    if any(job.preset for job in jobs) and importlib.util.find_spec("PIL") is None:
        raise Stop("checking a preset's rules needs Pillow: pip install '.[batch]' in milgrain's checkout")
    return jobs


def _tell_plan(jobs: list[Job], resumed: Path | None) -> None:
    """Print what would be done: the jobs, or what is left of the run in the folder `resumed`."""
    from clients.journal import Journal

    if resumed:
        with Journal(resumed) as journal:
            jobs = [entry.job for entry in journal.entries("", "staged")] if journal.is_planned else []
    for job in jobs:
        print(f"{job.sku}: {job.photo} -> {job.picture}{f' ({job.preset})' if job.preset else ''}")
    print(f"{len(jobs)} photos; nothing was done")


def _write_page(journal: Journal) -> None:
    """Write the run's page where Pillow is there to make its pictures, else say what is missing."""
    if importlib.util.find_spec("PIL") is None:
        print(
            "no report.html: its pictures need Pillow (pip install '.[batch]' in milgrain's checkout)", file=sys.stderr
        )
        return
    from clients import page

    try:
        print(f"report {page.write(journal)}")
    except Exception as cause:  # Any photo's pixels and metadata go into it, and the run is none the worse without it.
        print(f"no report.html: {type(cause).__name__}: {cause}", file=sys.stderr)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Finished pictures: files, or URLs.")],
    preset: Annotated[str, typer.Option(help="The marketplace, such as amazon-jewelry.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Hold finished files against a marketplace's rules, one by one.

    Exit code: 0 when all keep all rules, 1 when some do not, 2 for a wrong command.
    """
    from clients import store
    from clients.compliance import check as check_file
    from clients.presets import load_preset

    try:
        wanted = load_preset(preset)
        found = {path: check_file(store.read(path), wanted) for path in files}
    except ModuleNotFoundError as missing:
        raise Stop(f"checking needs {missing.name}: pip install '.[batch]' in milgrain's checkout") from None
    except (OSError, ValueError) as wrong:
        raise Stop(str(wrong)) from None
    wrong = {path for path, findings in found.items() if not all(finding.kept for finding in findings)}
    if as_json:
        told = [
            {"file": path, "kept": path not in wrong, "rules": [asdict(finding) for finding in findings]}
            for path, findings in found.items()
        ]
        print(
            json.dumps({"preset": preset, "source": wanted.source, "looked_up": str(wanted.looked_up), "files": told})
        )
    else:
        for path, findings in found.items():
            print(f"{'breaks' if path in wrong else 'keeps '} {preset}: {path}")
            for finding in findings:
                print(f"  {'ok  ' if finding.kept else 'FAIL'} {finding.rule}: {finding.seen} ({finding.wanted})")
    raise typer.Exit(1 if wrong else 0)


def wait_for_any(servers: list[str], seconds: float = FIRST_WAIT) -> None:
    """Return when one of the servers is ready; raise Stop when none is within `seconds`."""
    from clients.client import Client

    with ExitStack() as stack:
        clients = [stack.enter_context(Client(address)) for address in servers]
        deadline = time.monotonic() + seconds
        while not any(client.ready() for client in clients):
            if time.monotonic() > deadline:
                raise Stop(
                    f"no server is ready at {', '.join(servers)} (waited {seconds:g} s); start one with: milgrain serve"
                )
            time.sleep(0.2)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    help="Keep a server running (milgrain serve --help). Needs: pip install '.[server]' in milgrain's checkout",
)
def serve(context: typer.Context) -> None:
    """Hand over to the server."""
    raise typer.Exit(verb("serve", context.args))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    help="Measure a server under load (milgrain bench --help). "
    "Needs: pip install '.[server,bench]' in milgrain's checkout",
)
def bench(context: typer.Context) -> None:
    """Hand over to the benchmark."""
    raise typer.Exit(verb("bench", context.args))


def verb(name: str, arguments: list[str]) -> int:
    """Run a command that is found by name, for its packages may be absent; return its exit code."""
    try:
        (found,) = importlib.metadata.entry_points(group="milgrain.verbs", name=name)
        return found.load()(arguments)
    except ModuleNotFoundError as missing:
        extra = {"serve": "server", "bench": "server,bench"}[name]
        raise Stop(f"milgrain {name} needs {missing.name}: pip install '.[{extra}]' in milgrain's checkout") from None


def read_look(text: str, options: dict[str, Any], ensemble: Ensemble) -> Look:
    """Return the look that the command line describes; see `look_of`."""
    from clients.source import look_of

    try:
        fields = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise Stop(f"--look is not JSON: {wrong}") from None
    if not isinstance(fields, dict):
        raise Stop("--look is not a JSON object")
    if "size" in options:
        options["size"] = _read_size(options["size"])
    try:
        return look_of(fields | options, ensemble=ensemble.value)
    except ValueError as wrong:
        raise Stop(str(wrong)) from None


def _encoded(picture: Path) -> bytes:
    try:
        return base64.b64encode(picture.read_bytes())
    except OSError as unreadable:
        raise Stop(f"--scene {picture}: {unreadable.strerror}") from None


def _read_size(text: str) -> int | list[int] | None:
    """Return 2000 for `2000`, [1600, 2000] for `1600x2000`, None for `photo`."""
    if text == "photo":
        return None
    try:
        sides = [int(side) for side in text.lower().split("x")]
    except ValueError:
        raise Stop(f"--size is {text}; write 2000, 1600x2000 or photo") from None
    return sides[0] if len(sides) == 1 else sides


def shown(steps: Iterable[Step], total: int, tally: Tally) -> Iterator[Step]:
    """Pass the steps on, with a bar where one can be drawn, else with a line now and then."""
    console = Console(stderr=True)
    start = time.monotonic()
    if console.is_terminal:
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=total, told="")
            for count, step in enumerate(steps, 1):
                yield step
                speed = count / (time.monotonic() - start)
                bar.update(task, advance=1, told=f"{tally}, {speed:.2f} photos/s")
        return
    told = start
    for count, step in enumerate(steps, 1):
        yield step
        now = time.monotonic()
        if now - told > PLAIN_SECONDS:
            told, speed = now, count / (now - start)
            line = f"{count} of {total}: {tally}, {speed:.2f} photos/s, {(total - count) / speed:.0f} s left"
            print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Run the command and exit with its code."""
    try:
        app()
    except Stop as stopped:
        print(f"milgrain: {stopped}", file=sys.stderr)
        sys.exit(2)
