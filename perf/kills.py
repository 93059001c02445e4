"""Kill client and server at random moments of a batch, resume, and hold what is there against what was sent:
`python -m perf.kills`.

Every photo has a size of its own, which its picture keeps: a lost, doubled, torn or exchanged picture is seen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from perf.provenance import ROOT, provenance
from perf.running import Running, running
from server.serve import free_port

SIDES = range(120, 192)
LOOK = json.dumps({"size": None, "quality": 85})
MILGRAIN = str(Path(sys.executable).with_name("milgrain"))
VICTIMS = ("client", "server", "triton", "both")
"""What kill -9 hits: the client, `milgrain serve`, Triton below it, client and Triton at once."""


def make_photos(folder: Path, count: int) -> None:
    """Write `count` small JPEGs, no two of one size."""
    folder.mkdir(parents=True)
    sources = [Image.open(path).convert("RGB") for path in sorted((ROOT / "docs" / "photos").glob("*.jpg"))]
    for number in range(count):
        size = (SIDES[number % len(SIDES)], SIDES[number // len(SIDES)])
        sources[number % len(sources)].resize(size).save(folder / f"{number:05}.jpg", quality=90)


@dataclass(slots=True)
class Killing:
    """One run: where it works, and what was killed when."""

    folder: Path
    photos: int
    port: int = field(default_factory=lambda: free_port("127.0.0.1"))
    stack: ExitStack = field(default_factory=ExitStack)
    server: Running | None = None
    kills: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """How many pictures have their names."""
        out = self.folder / "out"
        return sum(not name.startswith(".") for name in os.listdir(out)) if out.is_dir() else 0  # noqa: PTH208

    def start_server(self) -> None:
        """Start the server on its port, as soon as a dying one lets go of it."""
        deadline = time.monotonic() + 90
        while True:
            try:
                self.server = self.stack.enter_context(running(f"--grpc-port={self.port}"))
                return
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def start_client(self, resume: bool) -> subprocess.Popen[bytes]:
        """Start the batch, or go on with it."""
        what = ["--resume"] if resume else [str(self.folder / "in"), "--look", LOOK]
        where = ["-o", str(self.folder / "out"), "--server", f"127.0.0.1:{self.port}"]
        with (self.folder / "client.log").open("ab") as log:
            return subprocess.Popen([MILGRAIN, "batch", *what, *where], stdout=log, stderr=log)

    def kill(self, victim: str, client: subprocess.Popen[bytes]) -> None:
        """Kill -9 what is named, and start the server anew if it is hit."""
        assert self.server
        self.kills.append({"victim": victim, "after_pictures": self.finished})
        print(f"kill -9 {victim} after {self.finished} of {self.photos}", flush=True)
        if victim in ("client", "both"):
            client.kill()
        if victim in ("triton", "both"):
            for child in psutil.Process(self.server.pid).children():
                if "triton" in child.name():
                    child.send_signal(signal.SIGKILL)
        if victim == "server":
            os.kill(self.server.pid, signal.SIGKILL)
        if victim != "client":
            self.stack.close()
            self.start_server()

    def run(self, victims: Sequence[str], seed: int) -> None:
        """Run the batch to its end, killing each victim at a random moment."""
        chance = random.Random(seed)
        moments = sorted(chance.sample(range(1, self.photos - 1), len(victims)))
        due = list(zip(moments, victims, strict=True))
        self.start_server()
        client = self.start_client(resume=False)
        told = time.monotonic()
        while True:
            time.sleep(0.05)
            if due and self.finished >= due[0][0]:
                time.sleep(chance.random() * 0.5)
                self.kill(due.pop(0)[1], client)
            if time.monotonic() - told > 20:
                told = time.monotonic()
                print(f"{self.finished} of {self.photos} pictures, {len(self.kills)} kills", flush=True)
            code = client.poll()
            if code == -signal.SIGKILL:
                client = self.start_client(resume=True)
            elif code is not None:
                if code not in (0, 1):
                    raise RuntimeError(
                        f"the client ended with {code}: {(self.folder / 'client.log').read_text()[-800:]}"
                    )
                return

    def verdict(self) -> dict[str, Any]:
        """Hold photos, pictures and results against each other."""
        out = self.folder / "out"
        rows = [json.loads(line) for line in (self.folder / "out.run" / "results.jsonl").read_text().splitlines()]
        by_sku = Counter(row["sku"] for row in rows)
        wrong: list[str] = []
        for row in rows:
            if row["status"] != "done":
                continue
            picture = Path(row["picture"])
            data = picture.read_bytes() if picture.is_file() else b""
            if hashlib.sha256(data).hexdigest() != row["sha256"]:
                wrong.append(f"{picture}: not the bytes that the run noted")
                continue
            with Image.open(picture) as made, Image.open(row["photo"]) as photo:
                made.load()
                if made.size != photo.size:
                    wrong.append(f"{picture}: {made.size}, its photo has {photo.size}")
        names = sorted(os.listdir(out))  # noqa: PTH208
        expected = {f"{number:05}.jpg" for number in range(self.photos)}
        done = sum(row["status"] == "done" for row in rows)
        return {
            "photos": self.photos,
            "done": done,
            "failed": [row["cause"] for row in rows if row["status"] == "failed"],
            "lost": self.photos - len(by_sku) + sum(row["status"] == "left" for row in rows),
            "double": sum(count - 1 for count in by_sku.values()) + max(0, len(names) - len(set(names) & expected)),
            "torn": wrong,
            "pictures": len(names),
        }

    @staticmethod
    def is_good(verdict: dict[str, Any]) -> bool:
        """Tell whether nothing was lost, doubled, torn or failed."""
        clean = not (verdict["lost"] or verdict["double"] or verdict["torn"] or verdict["failed"])
        return clean and verdict["done"] == verdict["pictures"] == verdict["photos"]


def main() -> None:
    """Run, print the verdict and write the result file; exit code 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "kills-cpu.json")
    args = parser.parse_args()
    if not 2 < args.photos <= len(SIDES) ** 2 or args.kills > args.photos - 2:
        parser.error(f"--photos must be 3 to {len(SIDES) ** 2}, --kills at most two less")
    origin = provenance()
    chance = random.Random(args.seed)
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(args.kills)]
    chance.shuffle(victims)
    with tempfile.TemporaryDirectory(prefix="milgrain-kills-") as folder:
        killing = Killing(Path(folder), args.photos)
        make_photos(killing.folder / "in", args.photos)
        start = time.monotonic()
        with killing.stack:
            killing.run(victims, args.seed)
        seconds = time.monotonic() - start
        verdict = killing.verdict()
    result = {
        "provenance": origin,
        "sides_px": [SIDES.start, SIDES.stop - 1],
        "seconds": round(seconds, 1),
        **verdict,
        "kills": killing.kills,
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(verdict, indent=1))
    if not Killing.is_good(verdict):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
