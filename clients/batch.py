"""Cut whole folders overnight: what to read, where to write, and how to outlive a server's restart."""

from __future__ import annotations

import glob
import json
import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from clients.client import Answer, Client, Ensemble
from clients.errors import BadLook, MilgrainError, Overloaded, ServerError, TimedOut, Unavailable
from server.contract import Look

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
"""What is taken from folders and globs; a file that is named outright is always taken."""
PICTURE_SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}
ATTEMPTS = 3
"""How often a photo may be under way when the server is lost, before the photo itself is suspected."""


@dataclass(frozen=True, slots=True)
class Job:
    """One photo, and where its picture goes."""

    photo: Path
    picture: Path

    @property
    def report(self) -> Path:
        """Where its report goes, if one is wanted."""
        return self.picture.with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: its answer, written to disk, or why there is none."""

    job: Job
    result: Answer | MilgrainError


def plan(inputs: Iterable[str | os.PathLike[str]], out: Path, suffix: str) -> list[Job]:
    """Return one job per photo, sorted; pictures mirror the photos' tree below their nearest common folder.

    Raise FileNotFoundError for an input that does not exist, ValueError where a picture would replace a photo.
    """
    home = _absolute(out)
    roots: set[Path] = set()
    photos: dict[Path, Path] = {}  # by absolute path, as the caller wrote it
    for path, named in _matches(inputs):
        where = _absolute(path)
        if path.is_dir():
            if where == home:
                raise ValueError(f"the pictures would be written among the photos of {path}; choose another folder")
            roots.add(where)
            found = (photo for photo in path.rglob("*") if _is_photo(photo, path))
            photos |= {_absolute(photo): photo for photo in found if home not in _absolute(photo).parents}
        elif named or (_is_photo(path, path.parent) and home not in where.parents):
            roots.add(where.parent)
            photos[where] = path
    if not photos:
        return []
    top = os.path.commonpath(roots)
    names = _names(photos)
    jobs = [
        Job(photos[where], out / where.relative_to(top).with_name(names[where] + suffix)) for where in sorted(photos)
    ]
    if lost := next((job for job in jobs if _absolute(job.picture) in photos), None):
        raise ValueError(f"the picture of {lost.photo} would replace the photo {lost.picture}; choose another folder")
    return jobs


def run(
    client: Client,
    jobs: Sequence[Job],
    look: Look,
    *,
    ensemble: Ensemble = "catalog",
    in_flight: int = 16,
    timeout: float | None = None,
    reports: bool = False,
    patience: float = 60.0,
) -> Iterator[Outcome]:
    """Stream the jobs' photos, write each picture as it arrives, and yield what became of each job.

    A lost or hanging server is waited for, up to `patience` seconds, and what is unanswered is sent again; so is what
    an overloaded or stopping server turned away. Raise the last attempt's error when patience ends, BadLook at once.
    """
    waiting = {str(job.photo): job for job in jobs}
    lost_with: Counter[str] = Counter()
    progress = _Progress(patience)
    while waiting:
        lost: ServerError | None = None
        sent: list[str] = []
        photos = _noted(tuple(waiting), sent)
        try:
            with closing(
                client.stream(photos, look, ensemble=ensemble, in_flight=in_flight, timeout=timeout)
            ) as stream:
                for name, result in stream:
                    if isinstance(result, BadLook):
                        raise result
                    if isinstance(result, Overloaded):
                        progress.back_off(result)  # The window stays shut meanwhile: nothing new is sent.
                        continue
                    if isinstance(result, Unavailable):
                        lost = result  # It is stopping, and would wait for the stream's end: let go of it.
                        break
                    progress.made()
                    job = waiting.pop(name)
                    if isinstance(result, Answer):
                        _write(job, result, reports)
                    yield Outcome(job, result)
        except (Unavailable, TimedOut) as broken:
            lost = broken
            suspects = [name for name in sent if name in waiting]
            lost_with.update(suspects)
            for name in suspects:
                if lost_with[name] >= ATTEMPTS:
                    cause = f"{name}: the server was lost {ATTEMPTS} times with this photo under way"
                    yield Outcome(waiting.pop(name), type(broken)(cause))
        if lost:
            client.wait_ready(patience)
            progress.back_off(lost)


class _Progress:
    """Longer and longer pauses while nothing is answered, and an end to them."""

    PAUSE = 0.5
    """Seconds of the first pause."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.made()

    def made(self) -> None:
        """Note that the server answered."""
        self.last = time.monotonic()
        self.attempts = 0

    def back_off(self, cause: ServerError) -> None:
        """Pause, or raise `cause` when there were enough attempts and none was answered for `patience` seconds."""
        self.attempts += 1
        if self.attempts >= ATTEMPTS and time.monotonic() - self.last > self.patience:
            raise cause
        time.sleep(min(self.PAUSE * 2 ** (self.attempts - 1), 8.0))


def _absolute(path: Path) -> Path:
    """Return the path from the root without `..`; links stay as they are, so that names stay the caller's."""
    return Path(os.path.normpath(path.absolute()))


def _matches(inputs: Iterable[str | os.PathLike[str]]) -> Iterator[tuple[Path, bool]]:
    """Yield each file or folder, and whether it was named outright rather than found by a glob."""
    for given in inputs:
        path = Path(given)
        if path.exists():
            yield path, True
            continue
        found = glob.glob(os.fspath(given), recursive=True)  # noqa: PTH207 - the pattern may be absolute
        if not found:
            raise FileNotFoundError(f"no such file or folder: {os.fspath(given)}")
        yield from ((Path(match), False) for match in found)


def _is_photo(path: Path, root: Path) -> bool:
    """Tell photos from other files; hidden ones (macOS leaves `._ring.jpg` behind) are none."""
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.suffix.lower() in PHOTO_SUFFIXES and not hidden and path.is_file()


def _names(photos: Collection[Path]) -> dict[Path, str]:
    """Return each picture's name without suffix: the photo's stem, or its whole name where stems are not unique.

    It depends on the photos alone, not on their order, so that a resumed run finds what an earlier one wrote.
    """
    stems = Counter((photo.parent, photo.stem.casefold()) for photo in photos)
    whole = {(photo.parent, photo.name.casefold()) for photo in photos}

    def is_unique(photo: Path) -> bool:
        stem = (photo.parent, photo.stem.casefold())
        return stems[stem] == 1 and stem not in whole

    return {photo: photo.stem if is_unique(photo) else photo.name for photo in photos}


def _noted(names: Iterable[str], sent: list[str]) -> Iterator[str]:
    """Yield the names, noting in `sent` how far the window has come."""
    for name in names:
        sent.append(name)
        yield name


def _write(job: Job, answer: Answer, reports: bool) -> None:
    """Write report and picture; the picture comes last and whole, so that its presence means that the job is done."""
    job.picture.parent.mkdir(parents=True, exist_ok=True)
    if reports:
        _replace(job.report, json.dumps(answer.report, indent=1).encode())
    _replace(job.picture, answer.image)


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)  # noqa: PTH105 - the word for it
