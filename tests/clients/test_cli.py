import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clients.results import kind
from server.contract import Look

MILGRAIN = Path(sys.executable).with_name("milgrain")


@pytest.fixture
def milgrain(script, tmp_path):
    """Run the installed command in a folder with three photos, against the scripted server."""
    for name in ("a.jpg", "b.jpg", "deep/c.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())

    def run(*arguments, server=script.address):
        command = [MILGRAIN, *arguments, *(["--server", server] if server else [])]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)

    return run


def test_all_good_is_0_and_a_second_run_skips(milgrain, tmp_path):
    first = milgrain("cut", "in", "-o", "out", "--reports")
    assert (first.returncode, first.stdout) == (0, "done 3, skipped 0, failed 0, needs review 0\n")
    assert (tmp_path / "out/deep/c.jpg").read_bytes() == b"deep/c.png"[::-1]
    assert json.loads((tmp_path / "out/a.json").read_bytes())["look"] == {}
    second = milgrain("cut", "in", "-o", "out")
    assert (second.returncode, second.stdout) == (0, "done 0, skipped 3, failed 0, needs review 0\n")
    third = milgrain("cut", "in", "-o", "out", "--overwrite")
    assert (third.returncode, third.stdout) == (0, "done 3, skipped 0, failed 0, needs review 0\n")


def test_some_failed_is_1_and_each_is_listed_with_its_cause(milgrain, script, tmp_path):
    script.refused = {b"b.jpg": "in ensemble 'catalog', bad image: truncated JPEG"}
    done = milgrain("cut", "in", "-o", "out")
    assert done.returncode == 1
    assert done.stdout == (
        "done 2, skipped 0, failed 1, needs review 0\n  failed: in/b.jpg: bad image: truncated JPEG\n"
    )
    assert not (tmp_path / "out/b.jpg").exists()


def test_doubts_are_counted_by_kind(milgrain, script):
    script.doubts = {
        b"a.jpg": ["piece: runs off the photo (left, top)", "alpha: unsure over 12% of the piece's area"],
        b"b.jpg": ["piece: runs off the photo (right)"],
    }
    done = milgrain("cut", "in", "-o", "out")
    assert done.stdout.splitlines() == [
        "done 3, skipped 0, failed 0, needs review 2",
        "  review: piece: runs off the photo: 2",
        "  review: alpha: unsure over #% of the piece's area: 1",
    ]


def test_kind_is_what_photos_have_in_common():
    assert kind("ring.jpg: bad image: 12.5 MB is more than 3") == "# MB is more than #"
    assert kind("piece: runs off the photo (left, top)") == "piece: runs off the photo"


def test_look_from_json_and_options(milgrain, tmp_path):
    arguments = ("--look", '{"size": 900, "fill": 0.5}', "--size", "1600x2000", "--background", "#ff8000")
    assert milgrain("cut", "in/a.jpg", "-o", "out", "--reports", *arguments).returncode == 0
    look = json.loads((tmp_path / "out/a.json").read_bytes())["look"]
    assert look == {"size": [1600, 2000], "fill": 0.5, "background": "#ff8000"}


def test_photos_own_framing(milgrain, tmp_path):
    assert milgrain("cut", "in/a.jpg", "-o", "out", "--reports", "--size", "photo").returncode == 0
    assert json.loads((tmp_path / "out/a.json").read_bytes())["look"] == {"size": None}


def test_a_scene_travels_in_the_look(milgrain, tmp_path):
    (tmp_path / "oak.jpg").write_bytes(b"any bytes: the server judges them")
    arguments = ("--scene", "oak.jpg", "--shadow", "0.5")
    assert milgrain("cut", "in/a.jpg", "-o", "out", "--reports", *arguments).returncode == 0
    look = Look.model_validate(json.loads((tmp_path / "out/a.json").read_bytes())["look"])
    assert look.scene == b"any bytes: the server judges them"
    assert look.shadow == 0.5


def test_cutout_is_a_png_of_its_own_ensemble(milgrain, tmp_path):
    assert milgrain("cut", "in/a.jpg", "-o", "out", "--reports", "--ensemble", "cutout").returncode == 0
    report = json.loads((tmp_path / "out/a.json").read_bytes())
    assert report["ensemble"] == "cutout"
    assert (tmp_path / "out/a.png").exists()


WRONG = [
    (["nowhere", "-o", "out"], "no such file or folder: nowhere"),
    (["in/*.gif", "-o", "out"], "no such file or folder: in/*.gif"),
    (["in", "-o", "in"], "choose another folder"),
    (["in", "-o", "out", "--size", "big"], "--size is big"),
    (["in", "-o", "out", "--size", "8"], "bad look: size: "),
    (["in", "-o", "out", "--scene", "none.jpg"], "--scene none.jpg: No such file"),
    (["in", "-o", "out", "--look", '{"colour": "red"}'], "bad look: colour: "),
    (["in", "-o", "out", "--look", "red"], "--look is not JSON"),
    (["in", "-o", "out", "--look", "[]"], "--look is not a JSON object"),
    (["in", "-o", "out", "--background", "transparent"], "JPEG has no alpha"),
    (["in", "-o", "out", "--ensemble", "cutout", "--format", "jpeg"], "jpeg has no alpha"),
    (["in"], "--out"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_command_is_2_and_writes_nothing(milgrain, arguments, said, tmp_path):
    done = milgrain("cut", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_look_that_only_the_server_refuses_is_2(milgrain, script):
    script.refused = {b"a.jpg": "bad look: size: too large for this server"}
    done = milgrain("cut", "in", "-o", "out")
    assert (done.returncode, done.stderr) == (2, "milgrain: in/a.jpg: bad look: size: too large for this server\n")


def test_no_server_is_2_and_says_how_to_start_one(milgrain):
    done = milgrain("cut", "in", "-o", "out", server="127.0.0.1:1")
    assert done.returncode == 2
    assert "no server is ready at 127.0.0.1:1" in done.stderr
    assert "milgrain serve" in done.stderr


def test_out_that_cannot_be_written_is_2(milgrain, tmp_path):
    (tmp_path / "out").write_bytes(b"a file, not a folder")
    done = milgrain("cut", "in", "-o", "out")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_interrupted_run_says_how_far_it_came(milgrain, script, tmp_path):
    def one_then_none(requests, context):
        yield script.reply(next(requests))
        for _ in requests:
            pass

    script.stream = one_then_none
    command = [MILGRAIN, "cut", "in", "-o", "out", "--server", script.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        while not (tmp_path / "out" / "a.jpg").exists():
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "done 1, skipped 0, failed 0, needs review 0\n")


def test_version(milgrain):
    assert milgrain("--version", server=None).stdout == "milgrain 0.1.0\n"


LOADED = "import sys, clients.cli; print(*sys.modules)"


def test_command_line_is_light():
    """`milgrain` starts without the server's packages; NumPy, which tritonclient drags in, only when it cuts."""
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "torch", "triton", "pytriton", "tritonclient", "grpc", "openvino", "onnxruntime", "cv2", "PIL"}
    assert not heavy & set(loaded)
    assert {name for name in loaded if name.split(".")[0] == "server"} == {"server", "server.contract"}
    assert not {name for name in loaded if name.split(".")[0] in ("kernels", "perf", "training", "model_repository")}


VERBS = """
import importlib.metadata, sys
from clients import cli

class Verb:
    def load(self):
        return self.verb
    @staticmethod
    def verb(argv):
        {body}

importlib.metadata.entry_points = lambda **_: [Verb()]
sys.argv = ["milgrain", "serve", "--grpc-port", "0", "--help", "x"]
cli.main()
"""


def test_serve_hands_over_every_argument_and_its_exit_code():
    body = "print(argv); return 7"
    done = subprocess.run([sys.executable, "-c", VERBS.format(body=body)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "['--grpc-port', '0', '--help', 'x']\n")


def test_serve_without_the_servers_packages_says_what_to_install():
    body = "import no_such_engine"
    done = subprocess.run([sys.executable, "-c", VERBS.format(body=body)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr == "milgrain: milgrain serve needs no_such_engine: pip install '.[server]' in milgrain's checkout\n"
    )
