"""Say where a figure comes from: the header of every result file."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def provenance() -> dict[str, str | int | bool | list[str]]:
    """Return machine, cores, commit, dirty, networks, command, date and python: what is needed to repeat a result.

    `cores` counts those this process may use. `dirty` is true where a tracked file other than results and docs
    differs from the commit.
    """
    return {
        "machine": _machine(),
        "cores": len(os.sched_getaffinity(0)),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":!/perf/results", ":!/docs")),
        "networks": _networks(),
        "command": _command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
    }


def _networks() -> list[str]:
    """Return name and version of every network that ships here."""
    cards = (json.loads(path.read_text()) for path in sorted(ROOT.glob("model_repository/*/1/model.json")))
    return [f"{card['name']} {card['version']}" for card in cards]


def _machine() -> str:
    """Return the processor's name, the memory and the system."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{names[0] if names else platform.machine()}, {gib:.0f} GiB, {platform.system()} {platform.release()}"


def _command() -> str:
    """Return the command line as a reader would type it: `python -m perf.soak --photos 2000`."""
    program, *arguments = sys.argv
    script = Path(program).resolve()
    if script.suffix == ".py" and script.is_relative_to(ROOT):
        return shlex.join(["python", "-m", ".".join(script.relative_to(ROOT).with_suffix("").parts), *arguments])
    return shlex.join([script.name, *arguments])


def _git(*arguments: str) -> str:
    """Return what git prints; empty where there is no git or no checkout (an installed wheel, a lent machine)."""
    if not shutil.which("git"):
        return ""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
