from __future__ import annotations

import json
import sys
import time

import pytest

from perf import gpu_check
from perf.gpu_check import ROWS, Row, main, needs, run


@pytest.fixture
def no_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_check, "DRIVER", tmp_path / "none")


def test_without_a_gpu_every_row_says_so_and_nothing_is_wrong(no_gpu, tmp_path, capsys):
    assert main(["--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ROWS)
    assert all("needs a GPU" in line for line in lines)
    assert not list(tmp_path.glob("*.json")), "no result without a GPU"


def test_an_unknown_row_is_refused_with_the_names_there_are(no_gpu, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--rows", "kernals", "--out", str(tmp_path)])
    assert "no row kernals; there are: kernels" in capsys.readouterr().err


def test_missing_pieces_are_named_and_one_of_two_alternatives_is_enough():
    row = Row("any", (), ("cupy", "tensorrt|onnxruntime"), "no-such-tool")
    assert needs(row, True, lambda module: module == "onnxruntime") == "needs cupy, no-such-tool"
    assert needs(row, True, lambda module: module == "cupy") == "needs tensorrt or onnxruntime, no-such-tool"
    assert needs(Row("any", (), ("cupy",)), True, lambda module: True) is None


def test_rows_run_commands_that_exist(root):
    for row in ROWS:
        for part in row.command:
            if part.startswith("tests/"):
                assert (root / part).exists(), row
        if row.command[1:2] == ("-m",) and row.command[2].startswith("perf."):
            assert (root / (row.command[2].replace(".", "/") + ".py")).is_file(), row


def python(code: str) -> tuple[str, ...]:
    return "{python}", "-c", code


def test_a_row_that_fails_keeps_its_last_words(tmp_path):
    found = run(Row("bad", python("print('x' * 9000, flush=True); raise SystemExit('the cause')")), tmp_path)
    assert found.state == "failed"
    assert found.tail.endswith("the cause\n")
    assert len(found.tail) == gpu_check.TAIL


def test_a_row_ends_at_its_limit_with_all_that_it_started(tmp_path):
    mark = tmp_path / "late"
    child = f"import time, pathlib; time.sleep(6); pathlib.Path({str(mark)!r}).touch()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    found = run(Row("slow", python(code), limit_s=2), tmp_path)
    assert found.state == "out of time (2 s)"
    time.sleep(max(0.0, 8 - found.seconds))
    assert not mark.exists(), "what the row started lives on"


def test_skipped_tests_have_checked_nothing(tmp_path):
    assert run(Row("none", python("print('3 skipped')")), tmp_path).state.startswith("failed: tests were skipped")


def test_with_a_gpu_the_result_has_its_name_and_every_row(monkeypatch, tmp_path, capsys):
    """The machine is made up, the rows are real processes."""
    monkeypatch.setattr(gpu_check, "DRIVER", tmp_path)
    device = {"name": "NVIDIA H100 80GB HBM3", "driver": "580.1", "memory": "81559 MiB"}
    monkeypatch.setattr(gpu_check, "devices", lambda: [device])
    rows = (Row("good", python("print('fine')")), Row("bad", python("1 / 0")), Row("none", (), ("no_such_module",)))
    monkeypatch.setattr(gpu_check, "ROWS", rows)
    assert main(["--out", str(tmp_path)]) == 1
    found = json.loads((tmp_path / "gpu-check-nvidia-h100-80gb-hbm3.json").read_text())
    assert found["devices"] == [device]
    assert found["provenance"]["commit"]
    assert [row["state"] for row in found["rows"]] == ["passed", "failed", "needs no_such_module"]
    assert "ZeroDivisionError" in found["rows"][1]["tail"]
    assert sys.executable not in found["rows"][0]["command"]
    assert main(["--out", str(tmp_path), "--rows", "good"]) == 0


def test_the_result_is_there_after_every_row_and_no_row_exceeds_the_limit(monkeypatch, tmp_path):
    """A lent machine ends a command after ten minutes: what was found by then must not be lost with it."""
    monkeypatch.setattr(gpu_check, "DRIVER", tmp_path)
    monkeypatch.setattr(gpu_check, "devices", lambda: [{"name": "GPU", "driver": "1", "memory": "1"}])
    found = str(tmp_path / "gpu-check-gpu.json")
    look = f"import pathlib, time; print(pathlib.Path({found!r}).read_text()[-400:], flush=True); time.sleep(60)"
    rows = (Row("first", python("print('fine')")), Row("second", python(look)))
    monkeypatch.setattr(gpu_check, "ROWS", rows)
    assert main(["--out", str(tmp_path), "--limit", "2"]) == 1
    second = json.loads((tmp_path / "gpu-check-gpu.json").read_text())["rows"][1]
    assert second["state"] == "out of time (2 s)"
    assert "passed" in second["tail"]
