"""A journalled run: killed at every step, with the server gone, and resumed."""

import base64
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients import batch, cli, results, store
from clients.batch import again, go_on
from clients.errors import BadImage
from clients.journal import Entry, InUse, Journal
from clients.source import Job, plan
from server.contract import Look

MILGRAIN = Path(sys.executable).with_name("milgrain")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Twelve photos in `in`, whose bytes are their names."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    names = [f"in/{number:02}.jpg" for number in range(12)]
    for name in names:
        Path(name).write_bytes(name.encode())
    return names


@pytest.fixture
def journal(photos):
    with Journal(Path("run")) as journal:
        journal.plan(plan(["in"], Path("out"), Look()), source="in", out="out")
        yield journal


def pictures():
    return {path.name: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}


def expected(photos):
    return {Path(name).name: name.encode()[::-1] for name in photos}


def counted(script):
    """Count how often each photo is cut."""
    cut = []

    def stream(requests, context):
        for request in requests:
            cut.append(request.raw_input_contents[0].decode())
            yield script.reply(request)

    script.stream = stream
    return cut


def test_every_photo_is_done_once_and_has_its_row(script, journal, photos):
    cut = counted(script)
    script.refused = {photos[3].encode(): "bad image: truncated"}
    assert len(list(go_on(journal, [script.address]))) == 12
    assert not list(go_on(journal, [script.address]))
    assert sorted(cut) == photos
    results.write(journal)
    rows = [json.loads(line) for line in Path("run/results.jsonl").read_text().splitlines()]
    assert [row["sku"] for row in rows] == photos
    assert [row["status"] for row in rows] == ["failed" if n == 3 else "done" for n in range(12)]
    dead = [json.loads(line) for line in Path("run/dead-letters.jsonl").read_text().splitlines()]
    assert [(row["sku"], row["kind"], row["cause"]) for row in dead] == [
        (photos[3], "BadImage", f"{photos[3]}: bad image: truncated")
    ]
    assert pictures() == {name: data for name, data in expected(photos).items() if name != "03.jpg"}


def test_rows_name_a_scene_by_its_hash(tmp_path):
    import pyarrow.parquet as pq

    scene = b"a scene of many bytes"
    look = Look.model_validate({"scene": base64.b64encode(scene).decode(), "fill": 0.5})
    with Journal(tmp_path / "run") as journal:
        journal.plan([Job("a", "a.jpg", "out/a.jpg", look)], source="in", out="out")
        results.write(journal, parquet=True)
    row = json.loads((tmp_path / "run/results.jsonl").read_bytes())
    assert row["look"] == {"scene": f"sha256:{sha256(scene).hexdigest()}", "fill": 0.5}
    (flat,) = pq.read_table(tmp_path / "run/results.parquet").to_pylist()
    assert json.loads(flat["look"]) == row["look"]


def test_rows_as_parquet(script, journal, photos):
    import pyarrow.parquet as pq

    list(go_on(journal, [script.address]))
    results.write(journal, parquet=True)
    rows = pq.read_table("run/results.parquet").to_pylist()
    assert [(row["sku"], row["status"]) for row in rows] == [(name, "done") for name in photos]
    assert json.loads(rows[0]["report"])["bytes"] == len(photos[0])


@pytest.mark.parametrize("parquet", [False, True])
def test_rows_are_written_one_by_one(tmp_path, monkeypatch, parquet):
    """A row's report is 10 kB: 5000 of them would be 50 MB."""
    import pyarrow.parquet as pq

    job = Job("a", "a.jpg", "out/a.jpg")

    def entries(_, *states):
        for number in range(5000):
            yield Entry(job, "failed" if number % 2 else "done", {"report": {"timings": f"{number}" + "x" * 10_000}})

    monkeypatch.setattr(Journal, "entries", entries)
    monkeypatch.setattr(results, "GROUP", 100)
    with Journal(tmp_path / "run") as journal:
        tracemalloc.start()
        results.write(journal, parquet)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 8e6
    lines = (tmp_path / "run" / "results.jsonl").read_bytes().splitlines()
    assert lines[1::2] == (tmp_path / "run" / "dead-letters.jsonl").read_bytes().splitlines()
    assert len(lines) == 5000
    if parquet:
        assert pq.read_table(tmp_path / "run" / "results.parquet").num_rows == 5000


def test_failed_ones_are_tried_again_only_when_asked(script, journal, photos):
    script.refused = {photos[3].encode(): "bad image: truncated"}
    list(go_on(journal, [script.address]))
    script.refused = {}
    assert not list(go_on(journal, [script.address]))
    assert again(journal) == 1
    assert [job.sku for job, _ in go_on(journal, [script.address])] == [photos[3]]
    assert pictures() == expected(photos)


def test_the_journal_refuses_a_second_end_and_forgets_nothing(journal, photos):
    journal.note(photos[0], "done")
    with pytest.raises(sqlite3.IntegrityError):
        journal.note(photos[0], "done")
    for statement in ("DELETE FROM events", "UPDATE events SET state = 'failed'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            journal._db.execute(statement)


def test_two_processes_cannot_hold_one_run(journal):
    with pytest.raises(InUse, match="at work on run"):
        Journal(Path("run"))


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


STEPS = [
    (store, "stage"),  # before the picture is on the disk
    (Journal, "note"),  # before its hash is
    (store, "settle"),  # before it has its name
    (store.os, "fsync"),  # while its bytes are under way
]


@pytest.mark.parametrize(("where", "step"), STEPS, ids=[step for _, step in STEPS])
@pytest.mark.parametrize("after", [1, 2, 5, 6])
def test_killed_at_any_step_nothing_is_lost_double_or_torn(script, photos, monkeypatch, where, step, after):
    cut = counted(script)
    real, calls = getattr(where, step), []

    def dies(*arguments, **options):
        calls.append(step)
        if len(calls) == after:
            raise Killed
        return real(*arguments, **options)

    with Journal(Path("run")) as journal:
        journal.plan(plan(["in"], Path("out"), Look()), source="in", out="out")
        monkeypatch.setattr(where, step, dies)
        with pytest.raises(Killed):
            list(go_on(journal, [script.address], in_flight=1))
        monkeypatch.setattr(where, step, real)
    finished = {name for name in pictures() if not name.startswith(".")}
    with Journal(Path("run")) as journal:
        list(go_on(journal, [script.address], in_flight=1))
        assert journal.counts() == {"": 0, "staged": 0, "done": 12, "failed": 0}
    assert pictures() == expected(photos)
    assert len(cut) <= 13 + 1  # the photo in hand, and the one in the window of one
    assert all(cut.count(f"in/{name}") == 1 for name in finished), "a finished picture was cut again"


@pytest.mark.parametrize("name", ["r" * 251, 83 * "环"])
def test_name_as_long_as_the_disk_takes_is_a_pictures(script, photos, name):
    job = Job(name, photos[0], f"out/{name}.jpg")
    with Journal(Path("run")) as journal:
        journal.plan([job], source="in", out="out")
        assert [found.sku for found, _ in go_on(journal, [script.address])] == [name]
    assert list(pictures()) == [f"{name}.jpg"]


REFUSED = {"name": 86 * "環", "folder": "r" * 256 + "/ring", "taken": "taken", "below": "file/ring/ring"}
"""SKUs whose pictures the disk refuses. Planning refuses the long ones; a journal may be older, or a disk narrower."""


@pytest.mark.parametrize("sku", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("is_staged", [False, True])
def test_picture_whose_path_the_disk_refuses_fails_alone(script, photos, sku, is_staged):
    job = Job(sku, photos[0], f"out/{sku}.jpg")
    Path("out/taken.jpg").mkdir(parents=True)
    Path("out/file").write_bytes(b"")
    with Journal(Path("run")) as journal:
        journal.plan([job, Job("other", photos[1], "out/other.jpg")], source="in", out="out")
        if is_staged:
            answer = photos[0].encode()[::-1]
            if sku in (REFUSED["name"], REFUSED["taken"]):
                store.stage(job.picture, answer)
            journal.note(sku, "staged", sha256=sha256(answer).hexdigest(), server="a", report={"doubts": 1})
        list(go_on(journal, [script.address], reports=not is_staged))
        assert journal.counts() == {"": 0, "staged": 0, "done": 1, "failed": 1}
        results.write(journal)
    (dead,) = [json.loads(line) for line in Path("run/dead-letters.jsonl").read_text().splitlines()]
    assert dead["sku"] == sku
    assert any(said in dead["cause"] for said in ("name too long", "Is a directory", "Not a directory")), dead["cause"]
    assert Path("out/other.jpg").read_bytes() == photos[1].encode()[::-1]
    assert not list(Path("out").rglob("*.part"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EEXIST])
def test_disk_that_refuses_every_picture_ends_the_run(script, journal, monkeypatch, number):
    def refuses(path):
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(store, "settle", refuses)
    with pytest.raises(OSError, match=os.strerror(number)):
        list(go_on(journal, [script.address]))
    assert journal.counts()["failed"] == 0
    with pytest.raises(OSError, match=os.strerror(number)):  # in mending what was staged
        list(go_on(journal, [script.address]))
    assert journal.counts()["staged"] == 1


def test_picture_that_lost_its_bytes_is_cut_again(script, journal, photos):
    list(go_on(journal, [script.address]))
    with Journal(Path("torn")) as torn:
        torn.plan(plan(["in"], Path("out"), Look()))
        torn.note(photos[0], "staged", sha256="of other bytes")
        assert next(iter(go_on(torn, [script.address], in_flight=1)))[0].sku == photos[0]


def test_run_that_was_killed_before_it_was_planned_starts_anew(photos, monkeypatch):
    jobs = plan(["in"], Path("out"), Look())
    with Journal(Path("run")) as journal:
        monkeypatch.setattr("clients.journal._now", lambda: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            journal.plan(jobs)
        monkeypatch.undo()
    os.chdir(Path("run").parent)
    with Journal(Path("run").absolute()) as journal:
        assert not journal.is_planned


@pytest.fixture
def milgrain(script, photos):
    def run(*arguments):
        command = [MILGRAIN, "batch", *arguments, "--server", script.address]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_command_is_0_and_leaves_results_and_page(milgrain, photos):
    done = milgrain("in", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "run out.run: 12 done, 0 failed, of 12" in done.stdout
    assert pictures() == expected(photos)
    assert {"journal.sqlite", "results.jsonl", "dead-letters.jsonl", "report.html"} <= {
        path.name for path in Path("out.run").iterdir()
    }


def test_command_says_what_is_wrong(milgrain, script, photos):
    script.refused = {photos[3].encode(): "bad image: truncated"}
    assert "no run to resume in out.run" in milgrain("-o", "out", "--resume").stderr
    assert "SOURCE is missing" in milgrain("-o", "out").stderr
    dry = milgrain("in", "-o", "out", "--dry-run")
    assert (dry.returncode, dry.stdout.splitlines()[-1]) == (0, "12 photos; nothing was done")
    assert not Path("out.run").exists()
    assert milgrain("in", "-o", "out").returncode == 1
    second = milgrain("in", "-o", "out")
    assert (second.returncode, "--resume" in second.stderr) == (2, True)
    script.refused = {}
    assert milgrain("-o", "out", "--resume").returncode == 1
    assert milgrain("-o", "out", "--resume", "--retry-failed").returncode == 0
    assert pictures() == expected(photos)


def test_plan_of_a_run_that_is_under_way_is_not_told(journal, script):
    done = subprocess.run(
        [MILGRAIN, "batch", "-o", "out", "--run", "run", "--resume", "--dry-run"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "milgrain: another milgrain batch is at work on run\n")


def test_parquet_without_its_package_stops_before_the_run(script, photos, monkeypatch):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli.app, ["batch", "in", "-o", "out", "--parquet", "--server", script.address])
    assert isinstance(done.exception, cli.Stop)
    assert "--parquet needs pyarrow: pip install '.[batch]' in milgrain's checkout" in str(done.exception)
    assert not Path("out.run").exists()


def test_page_that_cannot_be_written_is_a_warning(script, photos, monkeypatch):
    def broken(journal):
        raise RuntimeError("an odd photo")

    monkeypatch.setattr("clients.page.write", broken)
    script.refused = {photos[3].encode(): "bad image: truncated"}
    done = CliRunner().invoke(cli.app, ["batch", "in", "-o", "out", "--server", script.address])
    assert done.exit_code == 1
    assert "no report.html: RuntimeError: an odd photo" in done.stderr
    assert "run out.run: 11 done, 1 failed, of 12" in done.stdout
    assert len(Path("out.run/results.jsonl").read_text().splitlines()) == 12


def test_cutout_of_a_preset_for_jpeg_is_2_and_plans_nothing(milgrain):
    wrong = milgrain("in", "-o", "out", "--ensemble", "cutout", "--preset", "etsy")
    assert (wrong.returncode, "preset etsy asks for jpeg" in wrong.stderr) == (2, True)
    assert not Path("out.run").exists()
    assert milgrain("in", "-o", "out", "--ensemble", "cutout", "--look", '{"fill": 0.5}').returncode == 0
    assert len(list(Path("out").glob("*.png"))) == 12


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Go to another folder when called."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    return lambda: monkeypatch.chdir(tmp_path / "deep" / "er")


def test_run_is_resumed_from_another_folder(script, photos, tmp_path, elsewhere):
    cut = counted(script)
    with Journal(Path("run")) as journal:
        journal.plan(plan(["in"], Path("out"), Look()))
        assert len(list(islice(go_on(journal, [script.address], in_flight=1), 1))) == 1
    elsewhere()
    with Journal(tmp_path / "run") as journal:
        list(go_on(journal, [script.address]))
        assert journal.counts() == {"": 0, "staged": 0, "done": 12, "failed": 0}
        assert [entry.job.sku for entry in journal.entries()] == photos
    assert set(cut) == set(photos)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(expected(photos))
    assert not Path("out").exists()


def test_journal_of_relative_paths_is_resumed_from_its_own_folder(script, photos):
    """As they were written before paths were absolute."""
    with Journal(Path("run")) as journal:
        journal.plan(plan(["in"], Path("out"), Look()))
        for column in ("photo", "picture"):
            journal._db.execute(f"UPDATE jobs SET {column} = replace({column}, ?, '')", (f"{Path.cwd()}/",))
        assert [entry.job.photo for entry in journal.entries()] == photos
        list(go_on(journal, [script.address]))
    assert pictures() == expected(photos)


def test_client_killed_and_resumed(script, photos):
    def slow(requests, context):
        for request in requests:
            time.sleep(0.05)
            yield script.reply(request)

    script.stream = slow
    command = [MILGRAIN, "batch", "in", "-o", "out", "--server", script.address]
    with subprocess.Popen(command) as process:
        while len(list(Path("out").glob("[!.]*"))) < 3:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    resume = [MILGRAIN, "batch", "-o", "out", "--resume", "--server", script.address]
    done = subprocess.run(resume, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert pictures() == expected(photos)


def test_failed_photo_keeps_its_class(script, journal, photos):
    Path(photos[0]).unlink()
    details = {job.sku: detail for job, detail in go_on(journal, [script.address])}
    assert details[photos[0]]["kind"] == BadImage.__name__
    assert "No such file" in details[photos[0]]["cause"]
    assert batch.again(journal) == 1
