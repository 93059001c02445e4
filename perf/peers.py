"""Cut the same photos by our server, by rembg and by plain torch, in turns: `python -m perf.peers`.

rembg runs its own pipeline with IS-Net (see perf.isnet); plain torch is a script's loop with our network and nothing
around it. Both have an environment of their own below .cache/peers. All give straight RGBA PNG of the
photo's size; ../shared/quality/score.py scores them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clients.client import Answer, Client
from perf.bench import environment
from perf.isnet import fetched
from perf.provenance import ROOT
from perf.running import engines, running
from server.contract import Look
from server.repository import default_repository

CACHE = ROOT / ".cache" / "peers"
PACKAGES = ("rembg[cpu]==2.0.86", "onnx2torch==1.5.15", "torch")
SCRIPT = Path(__file__).with_name("peer.py")
LOOK = Look(size=None, format="png")
SCORES = ("sad", "mse", "thin_recall", "thin_precision", "openings_kept", "false_holes", "spill")


def peer_python() -> Path:
    """Return the Python of the peers' environment, made on the first call."""
    python = CACHE / "bin" / "python"
    if not (CACHE / "installed").is_file():
        subprocess.run([sys.executable, "-m", "venv", CACHE], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (CACHE / "installed").touch()
    return python


def other(name: str, photos: list[Path], out: Path, threads: int) -> float:
    """Run a peer over all photos; return its seconds, model loading and one warm-up photo aside."""
    models = default_repository() / "segment" / "1"
    if name == "rembg":
        models = CACHE / "models"
        models.mkdir(parents=True, exist_ok=True)
        if not (models / "isnet-general-use.onnx").is_file():
            shutil.copyfile(fetched(), models / "isnet-general-use.onnx")
    out.mkdir(parents=True, exist_ok=True)
    command = [peer_python(), SCRIPT, name, models, out, str(threads), *photos]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-800:]}")
    return float(done.stdout.split()[-1])


def ours(client: Client, photos: list[Path], out: Path, in_flight: int) -> float:
    """Stream all photos through the server; return the seconds."""
    out.mkdir(parents=True, exist_ok=True)
    client.cut(photos[0], LOOK, ensemble="cutout")
    start = time.perf_counter()
    for name, answer in client.stream(photos, LOOK, ensemble="cutout", in_flight=in_flight):
        if not isinstance(answer, Answer):
            raise answer
        (out / (Path(name).name.removesuffix(".photo.jpg") + ".png")).write_bytes(answer.image)
    return time.perf_counter() - start


def scored(shared: Path, cases: Path, out: Path) -> dict[str, float]:
    """Return the mean scores of a folder of cutouts."""
    scores = out / "scores.json"
    command = [sys.executable, shared / "quality" / "score.py", cases, out, "--json", scores]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    mean = json.loads(scores.read_text())["mean"]
    return {key: round(mean[key], 4) for key in SCORES if key in mean}


def main() -> None:
    """Measure in turns, score, print and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cases", type=Path, help="default: SHARED/quality/cases")
    parser.add_argument("--photos", type=int, help="only the first so many; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--in-flight", type=int, default=6)
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "peers-cpu.json")
    args = parser.parse_args()
    origin = environment()
    cases = args.cases or args.shared / "quality" / "cases"
    photos = sorted(cases.glob("*.photo.jpg"))[: args.photos]
    if not photos:
        parser.error(f"no *.photo.jpg in {cases}")
    pictures = ROOT / "out" / "peers"
    truth = pictures / "truth"  # the scorer wants a cutout for every case it finds
    shutil.rmtree(pictures, ignore_errors=True)
    truth.mkdir(parents=True)
    for photo in photos:
        for file in cases.glob(photo.name.removesuffix("photo.jpg") + "*"):
            shutil.copy(file, truth)
    seconds: dict[str, list[float]] = {"milgrain": [], "rembg": [], "torch": []}
    with running("--max-waiting=0") as server, Client(server.grpc) as client:
        ran = engines(server.grpc)
        calls: dict[str, Callable[[], float]] = {
            "milgrain": lambda: ours(client, photos, pictures / "milgrain", args.in_flight),
            "rembg": lambda: other("rembg", photos, pictures / "rembg", args.threads),
            "torch": lambda: other("torch", photos, pictures / "torch", args.threads),
        }
        for turn in range(args.rounds):
            for name, call in calls.items():
                seconds[name].append(call())
                print(f"round {turn + 1}, {name}: {len(photos) / seconds[name][-1]:.3f} photos/s", flush=True)
    rows: dict[str, Any] = {}
    for name, spent in seconds.items():
        speeds = [round(len(photos) / each, 4) for each in spent]
        rows[name] = {
            "photos_per_s": {"median": statistics.median(speeds), "rounds": speeds},
            "scores": scored(args.shared, truth, pictures / name),
        }
    result = {
        "provenance": origin,
        "engines": ran,
        "photos": len(photos),
        "threads": args.threads,
        "in_flight": args.in_flight,
        "packages": list(PACKAGES),
        "rows": rows,
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
