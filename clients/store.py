"""Read and write whole files, local ones and those behind a URL (s3://, gs://, ...): never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

ATTEMPTS = 4
"""How often a file behind a URL is asked for before it counts as unreadable."""
LONGEST = 255
"""Most bytes of a file's name on the usual file systems."""


def is_url(path: str) -> bool:
    """Tell a URL from a local path; file:// is a local path."""
    return "://" in path and not path.startswith("file://")


def local(path: str) -> Path:
    """Return the path of a local file, given plainly or as file://."""
    return Path(path.removeprefix("file://"))


def absolute(path: str) -> str:
    """Return a local path from the root, so that it means the same from every folder; a URL stays as it is."""
    return path if is_url(path) else str(local(path).absolute())


def read(path: str) -> bytes:
    """Return a file's bytes; raise OSError. What is behind a URL is asked for several times, if it is not missing."""
    if not is_url(path):
        return local(path).read_bytes()
    return _patiently(lambda system, name: system.cat_file(name), path)


def found(url: str) -> list[str]:
    """Return the URLs of all files below a URL, sorted."""
    scheme = url.partition("://")[0]
    return [f"{scheme}://{name}" for name in sorted(_patiently(lambda system, name: system.find(name), url))]


def part(path: str) -> Path:
    """Return where a local file is written before it takes its name; by a hash where that leaves no room for more."""
    target = local(path)
    name = os.fsencode(target.name)
    return target.with_name(f".{target.name if len(name) <= LONGEST - 6 else sha256(name).hexdigest()}.part")


@contextmanager
def staging(path: str) -> Iterator[BinaryIO]:
    """Open a local file beside its place, on the disk when this ends."""
    beside = part(path)
    beside.parent.mkdir(parents=True, exist_ok=True)
    with beside.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def stage(path: str, data: bytes) -> None:
    """Write a local file beside its place, on the disk when this returns."""
    with staging(path) as file:
        file.write(data)


def settle(path: str) -> None:
    """Give a staged file its name, in one step, on the disk when this returns."""
    target = local(path)
    os.replace(part(path), target)  # noqa: PTH105 - the word for it
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write(path: str, data: bytes) -> None:
    """Write a file: whole or not at all. An object store shows an object only once it is complete."""
    if is_url(path):
        _patiently(lambda system, name: system.pipe_file(name, data), path)
        return
    stage(path, data)
    settle(path)


def exists(path: str) -> bool:
    """Tell whether a file is there."""
    if is_url(path):
        return _patiently(lambda system, name: system.exists(name), path)
    return local(path).exists()


def _patiently(call: Any, url: str) -> Any:
    """Call with the URL's file system and the name in it; what is missing is missing, other OSErrors are tried again.

    Raise OSError, whatever the file system raises.
    """
    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    try:
        return retrying(call, *_system(url))
    except OSError:
        raise
    except Exception as other:  # Each cloud's library has errors of its own: no credentials, no connection.
        raise OSError(f"{url}: {type(other).__name__}: {other}") from other


def _may_pass(error: BaseException) -> bool:
    """Tell whether a file system's error may be gone next time."""
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError)


def _system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the name in it; raise OSError that says what to install."""
    try:
        import fsspec

        return fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as missing:
        raise OSError(f"{url}: {missing}; pip install '.[cloud]' in milgrain's checkout") from missing
