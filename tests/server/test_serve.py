"""The launcher's own duties, on processes that stand in for nothing: any program can be supervised."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from server import serve
from server.distribution import Triton, find_triton
from server.repository import default_repository
from server.settings import PREFIX, Settings
from server.supervision import supervised


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int, within: float = 10.0) -> bool:
    end = time.monotonic() + within
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


FAMILY = "import subprocess, sys; c = subprocess.Popen(['sleep', '600']); print(c.pid, flush=True); c.wait()"


def test_no_process_outlives_the_block(tmp_path):
    """The child's own child is in its group: when the block is left, both are gone."""
    out = tmp_path / "pid"
    with supervised(["sh", "-c", f'{sys.executable} -c "{FAMILY}" > {out}'], dict(os.environ)) as process:
        while not (out.exists() and out.read_text().strip()):
            time.sleep(0.02)
        grandchild = int(out.read_text())
        assert alive(grandchild)
    assert gone(process.pid)
    assert gone(grandchild)


@pytest.mark.parametrize("after", [0, 1.5])
def test_a_server_that_loses_a_process_is_killed(tmp_path, capfd, after):
    """Triton starts no stage's process anew, refuses all photos, and stays ready. It may be lost before we look."""
    out = tmp_path / "pid"
    with supervised(["sh", "-c", f'exec {sys.executable} -c "{FAMILY}" > {out}'], dict(os.environ)) as process:
        while not (out.exists() and out.read_text().strip()):
            time.sleep(0.02)
        child = int(out.read_text())
        os.kill(process.pid, signal.SIGSTOP)  # as busy as Triton, which does not wait for it
        threading.Timer(after, os.kill, (child, signal.SIGKILL)).start()
        time.sleep(0.5)
        assert process.wait_whole() == -signal.SIGKILL
    assert f"process {child} of a stage ended" in capfd.readouterr().out


LOSES_ITS_STAGE = """
import signal, subprocess, sys, time
stage = subprocess.Popen(["sleep", "600"])
def end(*_):
    stage.kill()
    time.sleep(2)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
time.sleep(1)
subprocess.Popen(["true"])
time.sleep(60)
"""


def test_processes_that_end_with_their_server_or_came_later_are_not_missed(tmp_path):
    """It is asked to end, so its child may go first; one that it starts meanwhile is its own affair."""
    (tmp_path / "server.py").write_text(LOSES_ITS_STAGE)
    script = f"""
        import os, signal, sys, threading, time
        from server.supervision import supervised
        with supervised([sys.executable, {str(tmp_path / "server.py")!r}], dict(os.environ)) as process:
            time.sleep(0.7)  # until the handler is there
            threading.Timer(2, os.kill, (os.getpid(), signal.SIGTERM)).start()
            sys.exit(process.wait_whole())
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=30).returncode == 7


def test_sigkill_of_the_supervisor_ends_the_server(tmp_path):
    """SIGKILL cannot be caught: the kernel itself must tell the server (PR_SET_PDEATHSIG)."""
    script = """
        import os, time
        from server.supervision import supervised
        with supervised(["sleep", "600"], dict(os.environ)) as process:
            print(process.pid, flush=True)
            time.sleep(600)
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    child = int(supervisor.stdout.readline())
    assert alive(child)
    supervisor.kill()
    supervisor.communicate()
    assert gone(child)


def test_what_a_killed_server_leaves_behind_is_removed(tmp_path):
    mine, others = tmp_path / "milgrain-7-region", tmp_path / "milgrain-77-region"
    script = ["sh", "-c", f"touch {mine} {others}; kill -9 $$"]
    with supervised(script, dict(os.environ), leftovers=str(tmp_path / "milgrain-7-")) as process:
        process.wait()
        assert mine.exists()
    assert not mine.exists()
    assert others.exists()


def test_sigkill_of_the_supervisor_ends_even_a_server_that_ignores_sigterm():
    """Triton ignores SIGTERM as long as a caller keeps a stream open: the guard does not wait for ever."""
    script = """
        import os, sys, time
        from server import supervision
        supervision.GRACE_SECONDS = 1
        deaf = "from signal import *; import time; signal(SIGTERM, SIG_IGN); print(1, flush=True); time.sleep(600)"
        with supervision.supervised([sys.executable, "-c", deaf], dict(os.environ)) as process:
            print(process.pid, flush=True)
            time.sleep(600)
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    child = max(int(supervisor.stdout.readline()), int(supervisor.stdout.readline()))  # the 1 says that it is deaf
    assert alive(child)
    supervisor.kill()
    supervisor.wait()
    assert gone(child)
    supervisor.stdout.close()


@pytest.mark.parametrize(("ignored", "code"), [(False, 7), (True, 0)])
def test_a_closed_terminal_ends_a_server_but_one_under_nohup(ignored, code):
    """What `nohup` ignores stays ignored: the child ends by itself then, with 0."""
    script = f"""
        import os, signal, sys, time
        from server.supervision import supervised
        child = "from signal import *; import sys, time; signal(SIGTERM, lambda *_: sys.exit(7)); time.sleep(2)"
        signal.signal(signal.SIGHUP, signal.SIG_IGN if {ignored} else signal.SIG_DFL)
        with supervised([sys.executable, "-c", child], dict(os.environ)) as process:
            time.sleep(0.5)  # until the handler is there
            os.kill(os.getpid(), signal.SIGHUP)
            sys.exit(process.wait(10))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=20).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on_and_the_exit_code_comes_back(number):
    """In a launcher of its own: pytest, sent one after much else had run in it, ended in a segmentation fault."""
    script = f"""
        import os, sys, time
        from server.supervision import supervised
        child = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); time.sleep(60)"
        with supervised([sys.executable, "-c", child], dict(os.environ)) as process:
            time.sleep(0.5)  # until the handler is there
            os.kill(os.getpid(), {int(number)})
            sys.exit(process.wait(10))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=20).returncode == 7


def test_silenced_lines_are_dropped_and_others_passed_on(capfd):
    with supervised(["sh", "-c", "echo noise here >&2; echo a real error >&2"], {}, ("noise",)) as process:
        process.wait()
    assert capfd.readouterr().err == "a real error\n"


def test_a_line_that_is_no_text_is_passed_on_and_the_server_lives(capfd):
    """Unread, the pipe would end the server at its next line, by SIGPIPE."""
    script = r"printf 'a\377b\n' >&2; sleep 0.3; echo next >&2; exit 7"
    with supervised(["sh", "-c", script], dict(os.environ)) as process:
        assert process.wait() == 7
    assert capfd.readouterr().err == "a\\xffb\nnext\n"


def test_a_full_disk_below_the_log_ends_no_server_and_sigterm_still_drains(tmp_path):
    script = f"""
        import os, sys, time
        from pathlib import Path
        from server.supervision import supervised
        child = ["sh", "-c", "trap 'exit 7' TERM; echo one >&2; sleep 0.3; echo two >&2; while :; do sleep 0.1; done"]
        drain = lambda: Path({str(tmp_path / "drained")!r}).touch()
        with supervised(child, dict(os.environ), before_end=drain) as process:
            time.sleep(0.8)  # both lines are written
            os.kill(os.getpid(), {int(signal.SIGTERM)})
            os._exit(process.wait(10))
    """
    with Path("/dev/full").open("w") as full:
        launcher = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], stdout=full, stderr=full, timeout=20)
    assert launcher.returncode == 7
    assert (tmp_path / "drained").exists()


def test_sigterm_ends_the_server_even_where_draining_fails():
    script = f"""
        import os, sys, time
        from server.supervision import supervised
        with supervised(["sleep", "600"], dict(os.environ), before_end=lambda: 1 / 0) as process:
            os.kill(os.getpid(), {int(signal.SIGTERM)})
            sys.exit(-process.wait(10))
    """
    launcher = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, timeout=20)
    assert launcher.returncode == signal.SIGTERM
    assert b"ZeroDivisionError" in launcher.stderr


def test_without_a_driver_the_profile_is_cpu_and_says_why(monkeypatch):
    monkeypatch.setattr(serve, "DRIVER", Path("/nonexistent"))
    assert serve.choose_profile(default_repository()) == ("cpu", "no NVIDIA driver here")


def test_a_driver_without_packages_names_them(monkeypatch):
    monkeypatch.setattr(serve, "DRIVER", Path("/"))
    monkeypatch.setattr(serve, "gpu_engine", lambda: None)
    profile, why = serve.choose_profile(default_repository())
    assert profile == "cpu"
    assert "not tensorrt or onnxruntime (pip install" in why


def test_with_driver_and_packages_the_profile_is_gpu_and_names_the_engine(monkeypatch):
    monkeypatch.setattr(serve, "DRIVER", Path("/"))
    monkeypatch.setattr(serve, "gpu_engine", lambda: "onnxruntime")
    monkeypatch.setattr(serve.importlib.util, "find_spec", lambda name: name)
    profile, why = serve.choose_profile(default_repository())
    assert profile == "gpu"
    assert why.endswith("networks by ONNX Runtime CUDA")


@pytest.mark.skipif(serve.DRIVER.exists(), reason="an NVIDIA driver is here")
def test_the_gpu_profile_without_a_driver_is_one_sentence_and_exit_code_2(capfd):
    assert serve.main(["--profile", "gpu"]) == 2
    said = capfd.readouterr()
    assert said.err == "milgrain: the gpu profile cannot run: no NVIDIA driver here\n"
    assert said.out == ""


@pytest.fixture
def started(monkeypatch):
    """Return a function that serves on a machine with so many GPUs; it gives Triton's command and environment."""

    def start(profile, count, visible):
        started = []

        @contextlib.contextmanager
        def supervised(command, environment, *_):
            started.append((command, environment))
            yield SimpleNamespace(terminate=lambda: None, wait=lambda: 0)

        monkeypatch.setattr(serve, "no_gpu", lambda: None)
        monkeypatch.setattr(serve, "gpus", lambda: count)
        monkeypatch.setattr(serve, "supervised", supervised)
        monkeypatch.setattr(serve, "announce", lambda *_: False)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        ports = ["--grpc-port", "0", "--http-port", "0", "--metrics-port", "0"]
        assert serve.main(["--profile", profile, *ports]) == 1
        return started[0]

    return start


@pytest.mark.parametrize(
    ("count", "visible", "gpu", "said"),
    [
        (0, None, "0", None),  # a driver that does not list its GPUs
        (1, None, "0", None),
        (4, None, "0", "GPU 0 of 4"),
        (4, "2", "2", None),
        (4, "3, 1", "3", "GPU 3 of 3, 1"),
        (4, "MIG-11c29e81", "MIG-11c29e81", None),
        (4, "", "", None),
    ],
)
@pytest.mark.parametrize("profile", ["gpu", "ngc"])
def test_a_server_has_one_gpu_and_one_pool_on_it(started, capfd, profile, count, visible, gpu, said):
    command, environment = started(profile, count, visible)
    assert environment["CUDA_VISIBLE_DEVICES"] == gpu
    assert [word for word in command if "pool" in word] == [f"--cuda-memory-pool-byte-size=0:{4 * 2**30}"]
    lines = [line for line in capfd.readouterr().out.splitlines() if "one GPU" in line]
    told = f"milgrain: one server, one GPU: {said}; start one server per GPU with CUDA_VISIBLE_DEVICES"
    assert lines == ([told] if said else [])


def test_on_the_cpu_the_gpus_are_nobodys_business(started, capfd):
    command, environment = started("cpu", 4, None)
    assert "CUDA_VISIBLE_DEVICES" not in environment
    assert not [word for word in command if "pool" in word]
    assert "one GPU" not in capfd.readouterr().out


def test_the_wheels_triton_is_complete():
    triton = find_triton()
    assert os.access(triton.binary, os.X_OK)
    assert triton.libraries
    assert triton.libraries.is_dir()


def test_a_foreign_triton_is_taken_as_it_is(tmp_path):
    triton = Triton(Path("/opt/tritonserver/bin/tritonserver"))
    assert triton.prepare(tmp_path) == []
    assert triton.environment({"PATH": "/usr/bin"})["PATH"].endswith(":/usr/bin")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--repository", "/nonexistent"], "missing"),
        (["--profile", "tpu"], "configs/tpu.pbtxt"),
        (["--max-megapixels", "lots"], "max-megapixels"),
        (["--unknown"], "unknown"),
    ],
)
def test_what_cannot_start_exits_with_2_and_the_cause(arguments, cause, capfd):
    assert serve.main(arguments) == 2
    assert cause in capfd.readouterr().err


def test_settings_travel_through_the_environment():
    settings = Settings(max_megapixels=12.5, threads=3)
    assert Settings.from_environment(settings.to_environment()) == settings
    with pytest.raises(ValueError, match="MILGRAIN_THREADS='many'"):
        Settings.from_environment({"MILGRAIN_THREADS": "many"})


def test_the_callers_own_variables_are_read(monkeypatch, capfd):
    monkeypatch.setenv("MILGRAIN_MIN_SIDE", "many")
    assert serve.main([]) == 2
    assert "MILGRAIN_MIN_SIDE='many' is not a number" in capfd.readouterr().err


class Started(Exception):
    """Raised in place of a start."""


@pytest.fixture
def handed(monkeypatch):
    """What `milgrain serve` with these arguments would hand to the stages."""

    def start(*arguments: str) -> Settings:
        with pytest.raises(Started) as start:
            serve.main([*arguments, "--profile=cpu", "--grpc-port=0", "--http-port=0", "--metrics-port=0"])
        return Settings.from_environment(start.value.args[0])

    def supervised(command, environment, *_):
        raise Started(environment)

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(serve, "supervised", supervised)
    return start


@pytest.mark.parametrize("name", ["max_megapixels", "max_megabytes", "threads", "max_waiting"])
def test_an_option_goes_above_the_environment_and_that_above_the_default(handed, monkeypatch, name):
    default = getattr(Settings(), name)
    assert getattr(handed(), name) == default
    monkeypatch.setenv(PREFIX + name.upper(), str(default + 3))
    assert getattr(handed(), name) == default + 3
    assert getattr(handed(f"--{name.replace('_', '-')}={default + 5}"), name) == default + 5


def test_a_limit_in_the_environment_is_held_to_the_options_range(monkeypatch, capfd):
    monkeypatch.setenv("MILGRAIN_THREADS", "0")
    assert serve.main([]) == 2
    assert "MILGRAIN_THREADS" in capfd.readouterr().err


def test_help_tells_defaults_and_variables(monkeypatch, capfd):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("MILGRAIN_MAX_WAITING", "77")
    assert serve.main(["--help"]) == 0
    (line,) = (line for line in capfd.readouterr().out.splitlines() if "MILGRAIN_MAX_WAITING" in line)
    assert "default: 8" in line


def test_port_in_use_is_named_before_anything_starts(capfd):
    with socket.socket() as neighbour:
        neighbour.bind(("127.0.0.1", 0))
        neighbour.listen()
        port = str(neighbour.getsockname()[1])
        assert serve.main(["--grpc-port", port]) == 2
    said = capfd.readouterr()
    assert f"in use on 127.0.0.1: port {port}" in said.err
    assert "ready" not in said.out
