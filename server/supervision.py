"""Run a server process whose life is bound to ours: signals, its errors, and what becomes of its children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

GRACE_SECONDS = 15
"""Seconds that Triton may take to unload its models once every answer is out."""
WATCH_SECONDS = 0.5
"""How often the server's own processes are looked at, and how long one must be gone."""
PR_SET_PDEATHSIG = 1
GUARD = """
cat > /dev/null                                          # until we are gone: the kernel closes our end of the pipe
left=$(($2 * 10))
while kill -0 -"$1" 2> /dev/null && [ $left -gt 0 ]; do sleep 0.1; left=$((left - 1)); done
kill -9 -"$1" 2> /dev/null || true                       # a server that outlives its SIGTERM, for an idle stream, say
if [ -n "$3" ]; then rm -f "$3"*; fi
"""
"""Shell script of the guard: process group, seconds and leftovers are its arguments, our life its standard input."""


def say(line: str) -> None:
    """Print one line for the operator. A log that cannot be written, on a full disk say, ends nothing."""
    with contextlib.suppress(OSError):
        print(f"milgrain: {line}", flush=True)


class Server(subprocess.Popen[str]):
    """A server that leads its process group; `ending` is set once it is asked to end."""

    def __init__(self, command: list[str], **options: Any) -> None:
        super().__init__(command, **options)
        self.ending = threading.Event()

    def wait_whole(self) -> int:
        """Return the exit code; kill the group as soon as a child that it has now ends unasked.

        Triton starts no ended process of a stage anew (triton-inference-server/server#8604): it refuses every photo
        from then on, and calls itself ready. Killed, it costs callers no more than a restart.
        """
        processes = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        children = [child for child in processes if self._state(child)]  # the dead among them, whom nobody waits for
        while True:
            try:
                return self.wait(WATCH_SECONDS)
            except subprocess.TimeoutExpired:
                gone = [child for child in children if self._state(child) in ("Z", None)]
            # Who ends us may have sent its signal to all of the server's processes at once.
            if gone and not self.ending.wait(WATCH_SECONDS) and self.poll() is None:
                say(f"process {gone[0]} of a stage ended, and nothing starts it anew: the server is killed")
                os.killpg(self.pid, signal.SIGKILL)

    def _state(self, child: int) -> str | None:
        """Return a process's state, such as Z for a dead one; None where it is no child of the server."""
        try:
            state, parent = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            return None
        return state if int(parent) == self.pid else None


@contextlib.contextmanager
def supervised(
    command: list[str],
    environment: dict[str, str],
    silenced: tuple[str, ...] = (),
    before_end: Callable[[], None] = lambda: None,
    leftovers: str = "",
) -> Iterator[Server]:
    """Run a server whose end is bound to ours: signals are passed on as SIGTERM, and no process of it outlives us.

    The first signal runs `before_end` ahead of the SIGTERM, a second one does not wait for it. The server leads its
    own process group, which is killed on every way out. Should we die without a word (SIGKILL), the kernel sends the
    server SIGTERM, and a guard kills what is left of the group after GRACE_SECONDS. In the end the files whose paths
    start with `leftovers` are removed. The server's errors are passed on, but for lines that hold a `silenced` text;
    they are read whatever becomes of them, for SIGPIPE ends a server whose errors nobody reads.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    us = os.getpid()

    def bind_to_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:  # we died in between
            os._exit(1)

    process = Server(
        command,
        env=environment,
        start_new_session=True,
        preexec_fn=bind_to_parent,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
    )

    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "milgrain-guard", str(process.pid), str(GRACE_SECONDS), leftovers],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )

    def pass_on() -> None:
        assert process.stderr
        with process.stderr as lines:
            for line in lines:
                if not any(text in line for text in silenced):
                    with contextlib.suppress(OSError):
                        sys.stderr.write(line)
                        sys.stderr.flush()

    reader = threading.Thread(target=pass_on, name="triton's errors")
    reader.start()

    def end() -> None:
        try:
            before_end()
        except Exception:  # Whatever it was: it is told, and the server ends.
            with contextlib.suppress(OSError):
                traceback.print_exc()
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # Triton 2.51 waits for every open stream, an idle one for ever
            say("a caller keeps a stream open: killed")
            os.killpg(process.pid, signal.SIGKILL)

    def on_signal(number: int, _: FrameType | None) -> None:
        if process.ending.is_set():
            process.terminate()
            return
        process.ending.set()
        say(f"{signal.Signals(number).name}: draining")
        threading.Thread(target=end, name="drain", daemon=True).start()

    heard = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else nohup wants it to outlive its terminal
        heard.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in heard}
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        guard.communicate()
        for number, handler in before.items():
            signal.signal(number, handler)
