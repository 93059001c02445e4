"""What a batch cuts: the jobs of folders, globs, URLs and manifests."""

from __future__ import annotations

import csv
import glob
import io
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from clients import store
from clients.presets import load_preset
from server.contract import BAD_LOOK, NO_ALPHA, Look, explain

if TYPE_CHECKING:
    from clients.client import Ensemble

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
"""What is taken from folders and globs; a file that is named outright is always taken."""
PICTURE_SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}
PRIORITIES = {"interactive": 1, "batch": 2}
FIELDS = ("sku", "photo", "preset", "look", "priority")
"""What a row of a manifest may say; sku and photo it must."""

CELL = 16_000_000
"""Most characters of a CSV's cell: a look's scene is up to 8 MB, and a third more in base64."""

CATALOG = Look()
NOWHERE = Path("/dev/null/pictures")
"""A folder that holds no photo: stands for a place that is no local folder, and sets no limit to names."""

AnyPath = TypeVar("AnyPath", Path, PurePosixPath)


@dataclass(frozen=True, slots=True)
class Job:
    """One photo, and where its picture goes: paths or URLs. No two jobs of a run have one sku or one picture."""

    sku: str
    photo: str
    picture: str
    look: Look = CATALOG
    preset: str = ""
    priority: int = PRIORITIES["batch"]

    @property
    def report(self) -> str:
        """Where its report goes, if one is wanted."""
        return self.picture.rpartition(".")[0] + ".json"


def plan(inputs: Iterable[str | os.PathLike[str]], out: Path, look: Look, preset: str = "") -> list[Job]:
    """Return one job per photo, sorted; pictures mirror the photos' tree below their nearest common folder.

    Raise FileNotFoundError for an input that does not exist, ValueError where a picture would replace a photo, its
    name is too long for the disk, or a name is not UTF-8, which no journal, URL or report could hold.
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
    for photo in photos.values():
        try:
            str(photo).encode()
        except UnicodeEncodeError:
            raise ValueError(f"{os.fsencode(photo)!r}: the file's name is not UTF-8; rename it") from None
    top = os.path.commonpath(roots)
    names = _names(photos)
    suffix = PICTURE_SUFFIXES[look.format]
    pictures = {where: out / where.relative_to(top).with_name(names[where] + suffix) for where in sorted(photos)}
    jobs = [
        Job(str(photos[where]), str(photos[where]), str(picture), look, preset) for where, picture in pictures.items()
    ]
    for job in jobs if out != NOWHERE else ():
        if name := _too_long(job.picture):
            raise ValueError(f"{job.photo}: its picture would be named {name}; rename the photo")
    for job in _replacing(jobs):
        raise ValueError(f"the picture of {job.photo} would replace the photo {job.picture}; choose another folder")
    return jobs


def plan_batch(source: str, out: str, look: Look, preset: str = "", ensemble: Ensemble = "catalog") -> list[Job]:
    """Return the jobs of a manifest (.csv, .jsonl), a folder or a URL.

    The fields that `look` was given go above the preset's, and a row's own above these; `preset` is for rows that
    name none. Raise OSError where the source cannot be read, ValueError that names the manifest's line and the cause.
    """
    given = look.model_dump(exclude_unset=True)
    if source.lower().endswith((".csv", ".jsonl")):
        jobs = {job.sku: (line, job) for line, job in _manifest(source, out, given, preset, ensemble)}
        for job in _replacing([job for _, job in jobs.values()]):
            where = f"{source}, line {jobs[job.sku][0]}"
            raise ValueError(f"{where}: its picture would replace the photo {job.picture}; choose another place")
        pictures = {} if store.is_url(out) else {job.picture.casefold(): line for line, job in jobs.values()}
        for line, job in jobs.values():
            for above in map(str, PurePosixPath(job.picture.casefold()).parents):
                if above in pictures:
                    raise ValueError(f"{source}, line {line}: its folder is the picture of line {pictures[above]}")
        return [job for _, job in jobs.values()]
    look = look_of(given, preset, ensemble)
    if not store.is_url(source):
        if not store.is_url(out):
            return plan([store.local(source)], store.local(out), look, preset)
        photos = {PurePosixPath(job.photo): job.photo for job in plan([store.local(source)], NOWHERE, look)}
        path = store.local(source)
        root = PurePosixPath(path if path.is_dir() else path.parent)
    else:
        top = source.rstrip("/")
        photos = {PurePosixPath(url.partition("://")[2]): url for url in store.found(top)}
        root = PurePosixPath(top.partition("://")[2])
        photos = {
            path: url
            for path, url in photos.items()
            if path.suffix.lower() in PHOTO_SUFFIXES
            and not any(name.startswith(".") for name in path.relative_to(root).parts)
        }
    names = _names(photos)
    suffix = PICTURE_SUFFIXES[look.format]
    jobs = []
    for path, photo in photos.items():
        picture = under(out, str(path.relative_to(root).with_name(names[path] + suffix)))
        if name := _too_long(picture):
            raise ValueError(f"{photo}: its picture would be named {name}; rename the photo")
        jobs.append(Job(photo, photo, picture, look, preset))
    for job in _replacing(jobs):
        raise ValueError(f"the picture of {job.photo} would replace the photo {job.picture}; choose another place")
    return jobs


def under(folder: str, name: str) -> str:
    """Return the path or URL of a name below a folder."""
    return f"{folder.rstrip('/')}/{name}" if store.is_url(folder) else str(store.local(folder) / name)


def look_of(fields: dict[str, Any], preset: str = "", ensemble: Ensemble = "catalog") -> Look:
    """Return the look of these fields above the preset's; a cutout is a PNG unless asked otherwise.

    Raise ValueError where it is wrong, or the ensemble would refuse it.
    """
    base = {"format": "png"} if ensemble == "cutout" else {}
    try:
        look = Look.model_validate(base | (load_preset(preset).look if preset else {}) | fields)
    except ValidationError as wrong:
        raise ValueError(f"{BAD_LOOK}{explain(wrong)}") from None
    if ensemble == "cutout" and look.format == "jpeg" and not look.matte:
        asked = f"preset {preset} asks for jpeg, which" if preset and "format" not in fields else "jpeg"
        raise ValueError(f"{BAD_LOOK}format: {asked} {NO_ALPHA}")
    return look


def _too_long(picture: str) -> str:
    """Return the name, with its length, that no disk takes in a local picture's path; empty where there is none."""
    for name in () if store.is_url(picture) else store.local(picture).parts:
        if (count := len(os.fsencode(name))) > store.LONGEST:
            return f"{name[:24]}...{name[-8:]}, {count} bytes of at most {store.LONGEST}"
    return ""


def _replacing(jobs: Sequence[Job]) -> Iterator[Job]:
    """Yield each job whose picture would take the place of a photo of the run, by whatever way they are written."""

    def file(path: str) -> str:
        return path if store.is_url(path) else str(store.local(path).resolve())

    photos = {file(job.photo) for job in jobs}
    return (job for job in jobs if file(job.picture) in photos)


def _manifest(
    source: str, out: str, given: dict[str, Any], preset: str, ensemble: Ensemble
) -> Iterator[tuple[int, Job]]:
    """Yield line and job of a manifest's rows in their order; a relative photo stands beside the manifest."""
    folder = source.rpartition("/")[0]
    lines: dict[str, int] = {}
    pictures: dict[str, int] = {}
    looks: dict[tuple[str, str], Look] = {}
    for line, row in _rows(source):
        where = f"{source}, line {line}"
        if unknown := sorted(set(row) - set(FIELDS)):
            raise ValueError(f"{where}: unknown field {', '.join(unknown)}; there are {', '.join(FIELDS)}")
        sku, photo = (str(row.get(name) or "").strip() for name in ("sku", "photo"))
        if not sku or not photo:
            raise ValueError(f"{where}: {'sku' if not sku else 'photo'} is missing")
        parts = PurePosixPath(sku).parts
        if ".." in parts or sku.startswith("/") or any(part.startswith(".") for part in parts) or "\0" in sku:
            raise ValueError(f"{where}: sku {sku!r} cannot name a file below the output folder")
        if sku in lines:
            raise ValueError(f"{where}: sku {sku!r} is also on line {lines[sku]}")
        lines[sku] = line
        try:
            fields = row.get("look") or {}
            own = str(row.get("preset") or "") or preset
            asked = own, fields if isinstance(fields, str) else json.dumps(fields)
            if asked not in looks:  # A look may carry a whole scene: it is kept once, not once a row.
                if not isinstance(read := json.loads(asked[1]), dict):
                    raise ValueError("look is not a JSON object")
                looks[asked] = look_of(given | read, own, ensemble)
            look = looks[asked]
            priority = PRIORITIES[row.get("priority") or "batch"]
        except json.JSONDecodeError as wrong:
            raise ValueError(f"{where}: look is not JSON: {wrong}") from None
        except KeyError as wrong:
            raise ValueError(f"{where}: priority is {wrong}; there are {', '.join(PRIORITIES)}") from None
        except (ValueError, TypeError) as wrong:
            raise ValueError(f"{where}: {wrong}") from None
        if folder and "://" not in photo and not photo.startswith("/"):
            photo = f"{folder}/{photo}"
        picture = under(out, sku + PICTURE_SUFFIXES[look.format])
        if name := _too_long(picture):
            raise ValueError(f"{where}: its picture would be named {name}; shorten the sku")
        if picture.casefold() in pictures:
            raise ValueError(f"{where}: its picture {picture} is that of line {pictures[picture.casefold()]}")
        pictures[picture.casefold()] = line
        yield line, Job(sku, photo, picture, look, own, priority)


def _rows(source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and row of a CSV or JSONL file."""
    try:
        text = store.read(source).decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise ValueError(f"{source} is not UTF-8: {wrong}") from None
    if source.lower().endswith(".csv"):
        csv.field_size_limit(CELL)
        reader = csv.DictReader(io.StringIO(text, newline=""))  # lines may end in CR, too
        try:
            for row in reader:
                if None in row:
                    raise ValueError(f"{source}, line {reader.line_num}: more cells than the header has")
                yield reader.line_num, {name: value for name, value in row.items() if value}
        except csv.Error as wrong:
            raise ValueError(f"{source}, line {reader.reader.line_num}: {wrong}") from None
        return
    for number, line in enumerate(io.StringIO(text, newline=None), 1):  # JSON may hold what str.splitlines splits at
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as wrong:
                raise ValueError(f"{source}, line {number}: not JSON: {wrong}") from None
            if not isinstance(row, dict):
                raise ValueError(f"{source}, line {number}: not a JSON object")
            yield number, row


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


def _names(photos: Collection[AnyPath]) -> dict[AnyPath, str]:
    """Return each picture's name without suffix: the photo's stem, or its whole name where stems are not unique.

    It depends on the photos alone, not on their order, so that a resumed run finds what an earlier one wrote.
    """
    stems = Counter((photo.parent, photo.stem.casefold()) for photo in photos)
    whole = {(photo.parent, photo.name.casefold()) for photo in photos}

    def is_unique(photo: AnyPath) -> bool:
        stem = (photo.parent, photo.stem.casefold())
        return stems[stem] == 1 and stem not in whole

    return {photo: photo.stem if is_unique(photo) else photo.name for photo in photos}
