from __future__ import annotations

import os
import subprocess
import sys

import pytest

from server.cpus import cpus


@pytest.fixture
def allowed(monkeypatch):
    """A machine of 64 CPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        pytest.param("0::/\n", {"cpu.max": "400000 100000\n"}, 4, id="v2"),
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, 64, id="v2 without a quota"),
        pytest.param("0::/\n", {"cpu.max": "250000 100000\n"}, 3, id="rounded up"),
        pytest.param("0::/\n", {"cpu.max": "5000 100000\n"}, 1, id="at least one"),
        pytest.param("0::/\n", {"cpu.max": "9900000 100000\n"}, 64, id="more than there are"),
        pytest.param("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2, id="group above"),
        pytest.param("0::/kubepods/x\n", {"cpu.max": "300000 100000\n"}, 3, id="the host's names"),
        pytest.param(
            "9:memory:/\n4:cpu,cpuacct:/x\n0::/\n",
            {"cpu/x/cpu.cfs_quota_us": "150000\n", "cpu/x/cpu.cfs_period_us": "50000\n"},
            3,
            id="v1",
        ),
        pytest.param(
            "1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64, id="v1 without"
        ),
        pytest.param(None, {}, 64, id="no cgroups"),
    ],
)
def test_the_cgroups_quota_caps_what_the_affinity_allows(tmp_path, allowed, own, files, expected):
    if own is not None:
        (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "cgroups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert cpus(tmp_path / "cgroups", tmp_path / "own") == expected


def test_the_settings_follow_the_affinity():
    """As after `taskset`: of a process that is bound to one CPU, whatever the machine has."""
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from server.settings import Settings; print(Settings().threads)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"1\n"
