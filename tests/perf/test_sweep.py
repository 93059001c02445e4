from __future__ import annotations

import argparse
import json
import shutil

import pytest

from perf.sweep import Measured, Setting, best, current, main, measure, settings, write
from server.repository import check_repository, config_path, default_repository, read_config


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(default_repository(), tmp_path / "repository")


def test_only_stages_that_batch_get_other_batch_sizes():
    assert settings("refine", Setting(2, 1), [1, 4], [1, 8]) == [Setting(1, 1), Setting(2, 1), Setting(4, 1)]
    assert settings("segment", Setting(1, 1), [1], [1, 8]) == [Setting(1, 1), Setting(1, 8)]


@pytest.mark.parametrize("profile", ["cpu", "ngc"])
def test_a_setting_is_written_and_the_contract_still_holds(copy, profile):
    before = read_config(config_path(copy, "segment", profile))
    write(copy, "segment", profile, Setting(3, 8))
    assert current(copy, "segment", profile) == Setting(3, 8)
    config = check_repository(copy, profile)["segment"]
    assert config.dynamic_batching.max_queue_delay_microseconds > 0, "without it no batch ever forms"
    assert config.instance_group[0].kind == before.instance_group[0].kind
    assert config.backend == before.backend


def measured(photos_per_s: float, instances: int, errors: int = 0) -> Measured:
    return Measured("refine", Setting(instances, 1), photos_per_s, 10.0, errors, {})


def test_the_cheapest_of_the_equally_fast_is_the_best():
    tried = [measured(5.0, 1), measured(9.8, 2), measured(10.0, 4), measured(12.0, 8, errors=1)]
    assert best(tried) is tried[1]
    with pytest.raises(ValueError, match="refine: no setting"):
        best([measured(3.0, 1, errors=2)])


def test_a_setting_that_the_server_does_not_start_with_is_an_error_and_no_end(tmp_path, capsys):
    found = measure(tmp_path / "none", "cpu", "crop", Setting(1, 1), b"", argparse.Namespace())
    assert (found.photos_per_s, found.errors) == (0.0, 1)


@pytest.mark.slow
def test_a_sweep_of_the_real_server_names_a_setting(tmp_path, root, capsys):
    result = tmp_path / "sweep.json"
    few = ["--stages=crop", "--instances=1,2", "--in-flight=2", "--seconds=20", "--warm-up=2"]
    assert main([*few, f"--photo={root / 'server' / 'canary.jpg'}", f"--result={result}"]) == 0
    found = json.loads(result.read_text())
    assert [each["setting"]["instances"] for each in found["tried"]] == [1, 2]
    assert all(each["photos_per_s"] > 0 and not each["errors"] for each in found["tried"])
    assert found["best"]["crop"]["max_batch_size"] == 1
    table = capsys.readouterr().out
    assert table.count("best") == 1
