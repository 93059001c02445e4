import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clients import balance
from clients.batch import run
from clients.client import Answer
from clients.errors import BadImage, BadLook, ServerError, Unavailable, Unwritten
from clients.source import plan
from server.contract import Look


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """An empty current folder; `photos("a/ring.jpg", ...)` fills it with photos whose bytes are their names."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(name.encode())

    return make


def pairs(*inputs, out="out"):
    return {job.photo: job.picture for job in plan(inputs, Path(out), Look())}


def test_folder_is_mirrored_and_sorted(photos):
    photos("in/b.JPG", "in/a/deep/c.tiff", "in/a.webp", "in/notes.txt", "in/._b.JPG", "in/.trash/d.jpg")
    assert list(pairs("in").items()) == [
        ("in/a/deep/c.tiff", "out/a/deep/c.jpg"),
        ("in/a.webp", "out/a.jpg"),
        ("in/b.JPG", "out/b.jpg"),
    ]


def test_named_file_is_taken_whatever_its_suffix(photos):
    photos("in/ring.photo", "in/other.photo")
    assert pairs("in/ring.photo") == {"in/ring.photo": "out/ring.jpg"}
    assert pairs("in/*.photo") == {}


def test_folders_of_equal_file_names_stay_apart(photos):
    photos("a/ring.jpg", "b/ring.jpg")
    assert pairs("a", "b") == {"a/ring.jpg": "out/a/ring.jpg", "b/ring.jpg": "out/b/ring.jpg"}
    assert pairs("a/ring.jpg", "b/ring.jpg") == pairs("a", "b") == pairs("?/*.jpg")


def test_photo_that_is_given_twice_is_cut_once(photos):
    photos("in/ring.jpg")
    assert pairs("in", "in/ring.jpg", "in/*", "./in/../in") == {"in/../in/ring.jpg": "out/ring.jpg"}


@pytest.mark.parametrize(
    "names",
    [
        ("ring.jpg", "ring.png"),
        ("ring.jpg", "Ring.png"),
        ("ring.png", "ring.png.jpg"),
        ("ring.jpg", "ring.png", "ring.png.jpg", "ring.png.jpg.jpg"),
    ],
)
def test_no_two_photos_share_a_picture(photos, names):
    photos(*(f"in/{name}" for name in names))
    pictures = [picture.casefold() for picture in pairs("in").values()]
    assert len(set(pictures)) == len(names)


def test_photo_that_joins_later_never_inherits_a_picture(photos):
    """Resuming skips pictures that exist: a new ring.jpg must not take the picture made of ring.png for its own."""
    photos("in/ring.png")
    before = pairs("in")
    photos("in/ring.jpg")
    assert pairs("in")["in/ring.jpg"] not in before.values()


def test_pictures_below_the_photos_are_no_photos(photos):
    photos("in/ring.jpg", "in/out/ring.jpg")
    assert pairs("in", out="in/out") == {"in/ring.jpg": "in/out/ring.jpg"}
    assert pairs("in/**/*.jpg", out="in/out") == {"in/ring.jpg": "in/out/ring.jpg"}


def test_photos_are_never_replaced(photos):
    photos("in/ring.jpg")
    with pytest.raises(ValueError, match="among the photos"):
        plan(["in"], Path("in"), Look())
    with pytest.raises(ValueError, match="would replace the photo"):
        plan(["in/ring.jpg"], Path("in"), Look())


def test_missing_input_is_named(photos):
    with pytest.raises(FileNotFoundError, match=r"gone/\*\.jpg"):
        plan(["gone/*.jpg"], Path("out"), Look())


def cut(client, *inputs, **options):
    return {done.job.photo: done for done in run([client.address], plan(inputs, Path("out"), Look()), **options)}


def test_pictures_and_reports_are_written(client, photos):
    photos("in/a.jpg", "in/deep/b.jpg")
    cut(client, "in", reports=True)
    assert Path("out/deep/b.jpg").read_bytes() == b"in/deep/b.jpg"[::-1]
    assert json.loads(Path("out/deep/b.json").read_bytes())["bytes"] == len("in/deep/b.jpg")


def test_no_reports_unless_asked(client, photos):
    photos("in/a.jpg")
    cut(client, "in")
    assert [path.name for path in Path("out").iterdir()] == ["a.jpg"]


def test_refused_photo_leaves_no_file_and_harms_no_other(client, script, photos):
    photos("in/a.jpg", "in/b.jpg", "in/c.jpg")
    script.refused = {b"in/b.jpg": "bad image: truncated"}
    outcomes = cut(client, "in")
    assert isinstance(outcomes["in/b.jpg"].result, BadImage)
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("photo", "folders", "files", "cause"),
    [
        ("in/b.jpg", ["out/b.jpg"], [], "out/b.jpg: Is a directory"),
        ("in/b/deep/b.jpg", [], ["out/b"], "out/b/deep: Not a directory"),
    ],
)
def test_picture_whose_path_the_disk_refuses_fails_alone(client, photos, photo, folders, files, cause):
    photos("in/a.jpg", "in/c.jpg", photo, *files)
    for folder in folders:
        Path(folder).mkdir(parents=True)
    outcomes = cut(client, "in")
    refused = outcomes.pop(photo).result
    assert isinstance(refused, Unwritten)
    assert str(refused) == f"{photo}: {cause}"
    assert all(isinstance(outcome.result, Answer) for outcome in outcomes.values())
    assert {"a.jpg", "c.jpg"} <= {path.name for path in Path("out").iterdir()}
    assert not list(Path("out").rglob("*.part"))


KILLED_WHILE_WRITING = """
import os
from clients import store
os.fsync = lambda file: os._exit(9)
store.write("out/ring.jpg", b"picture")
"""


def test_run_that_is_killed_leaves_no_half_picture(photos, tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING], check=False, env=os.environ)
    assert done.returncode == 9
    assert [path.name for path in Path("out").iterdir()] == [".ring.jpg.part"]
    assert pairs("out", out="again") == {}


BUSY = "Exceeds maximum queue size"
DRAINING = "Request for unknown model: 'catalog' has no available versions"
STOPPING = "Server is stopping, scheduler for model has stopped accepting new inference requests"


@pytest.mark.parametrize("message", [BUSY, DRAINING, STOPPING])
def test_server_that_turns_photos_away_is_asked_again(client, script, photos, monkeypatch, message):
    monkeypatch.setattr(balance, "PAUSE", 0.01)
    photos(*(f"in/{n}.jpg" for n in range(6)))
    turned_away = []

    def busy(requests, context):
        for request in requests:
            if len(turned_away) < 3:
                turned_away.append(request)
                script.refused = {request.raw_input_contents[0]: message}
            yield script.reply(request)
            script.refused = {}

    script.stream = busy
    assert len(cut(client, "in")) == 6
    assert len(turned_away) == 3
    assert len(list(Path("out").iterdir())) == 6


def test_server_that_turns_photos_away_is_not_asked_for_ever(client, script, photos, monkeypatch):
    monkeypatch.setattr(balance, "PAUSE", 0.01)
    photos("in/a.jpg")
    script.refused = {b"in/a.jpg": BUSY}
    with pytest.raises(ServerError, match="maximum queue size"):
        cut(client, "in", patience=0.2)


def test_wrong_look_stops_the_run(client, script, photos):
    photos("in/a.jpg", "in/b.jpg")
    script.refused = {b"in/a.jpg": "bad look: size: too large"}
    with pytest.raises(BadLook, match="size: too large"):
        cut(client, "in")


def test_restart_of_the_server_loses_nothing_and_repeats_nothing(client, script, photos):
    photos(*(f"in/{n:02}.jpg" for n in range(30)))
    answered = []

    def counted(requests, context):
        for request in requests:
            yield script.reply(request)
            answered.append(request.raw_input_contents[0])

    script.stream = counted
    jobs = plan(["in"], Path("out"), Look())
    outcomes = []
    for outcome in run([client.address], jobs, in_flight=2):
        outcomes.append(outcome)
        if len(outcomes) == 10:
            script.stop()
            threading.Thread(target=restart, args=(script,)).start()
    assert sorted(str(done.job.photo) for done in outcomes) == [str(job.photo) for job in jobs]
    assert all(Path(job.picture).read_bytes() == str(job.photo).encode()[::-1] for job in jobs)
    assert len(answered) <= len(jobs) + 2  # what was under way when the server died may be cut twice, nothing else


def restart(script):
    time.sleep(1)
    script.start(int(script.address.rpartition(":")[2]))


def test_server_that_stays_away_ends_the_run(client, script, photos):
    photos("in/a.jpg", "in/b.jpg")
    outcomes = run([client.address], plan(["in"], Path("out"), Look()), in_flight=1, patience=0.5)
    next(outcomes)
    script.stop()
    with pytest.raises(Unavailable, match="no server is ready"):
        list(outcomes)


def test_photo_that_takes_the_server_down_is_given_up(client, script, photos, monkeypatch):
    monkeypatch.setattr(balance, "PAUSE", 0.01)
    photos("in/a.jpg", "in/poison.jpg", "in/z.jpg")

    def dies_of_poison(requests, context):
        for request in requests:
            if request.raw_input_contents[0] == b"in/poison.jpg":
                return
            yield script.reply(request)

    script.stream = dies_of_poison
    outcomes = cut(client, "in", in_flight=1)
    assert "lost 4 times with this photo under way" in str(outcomes["in/poison.jpg"].result)
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.jpg", "z.jpg"]
