"""How many CPUs this process may use, which in a container is fewer than the machine has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cpus(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """Return the CPUs of the affinity, at most the cgroup's quota, rounded up; at least 1.

    cgroups: where the hierarchies are mounted; own: the file that names this process's groups in them.
    """
    return max(1, min([len(os.sched_getaffinity(0)), *(math.ceil(quota) for quota in _quotas(cgroups, own))]))


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """Yield the quota in CPUs of each group that this process is in and that has one: its own, and those above it.

    See cgroups(7): `cpu.max` in version 2; `cpu.cfs_quota_us`, -1 for none, and `cpu.cfs_period_us` in version 1.
    """
    for line in own.read_text().splitlines() if own.is_file() else ():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / "cpu" if controllers else cgroups
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
        # A container that sees the host's names has its own group at the root of what is mounted.
        for place in (PurePosixPath(group), *PurePosixPath(group).parents):
            files = [root / str(place).lstrip("/") / name for name in names]
            if all(file.is_file() for file in files):
                quota, period = " ".join(file.read_text() for file in files).split()
                if quota not in ("max", "-1"):
                    yield int(quota) / int(period)
