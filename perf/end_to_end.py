"""Hold the gpu profile's answers against the cpu profile's, through the real Triton: `python -m perf.end_to_end`.

Starts a server per profile, sends the same photos with the same looks to both, prints what differs and exits with 1
where it is more than it may be. Also prints Triton's counters of the bytes carried between host and device, per photo.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from clients.client import Answer, Client
from perf.metrics import read
from perf.provenance import ROOT
from perf.running import running
from server.contract import Look

LOOKS = {"jpeg": Look(size=800), "png": Look(size=800, format="png"), "webp": Look(size=800, format="webp")}
MEAN_APART = 1.0
"""Levels that two pictures may differ on average: float16 networks, a decoder and an encoder that round otherwise."""
CARRIED = re.compile(r"^(milgrain_\w*bytes\w*)\{([^}]*)\} ([\d.e+]+)$", re.MULTILINE)


def answers(profile: str, photos: Sequence[bytes]) -> tuple[dict[tuple[str, int], Answer], str]:
    """Return each answer by look and photo, and Triton's metrics afterwards; raise what a photo failed with."""
    with running(f"--profile={profile}") as server, Client(server.grpc) as client:
        found = {
            (name, number): client.cut(photo, look, timeout=300)
            for name, look in LOOKS.items()
            for number, photo in enumerate(photos)
        }
        return found, read(server.metrics)


def pixels(answer: Answer) -> np.ndarray:
    """Return an answer's picture [h, w, 3] uint8."""
    return np.asarray(Image.open(io.BytesIO(answer.image)).convert("RGB"))


def faults(name: str, one: Answer, other: Answer) -> list[str]:
    """Return in what two profiles' answers to one photo differ more than they may."""
    first, second = pixels(one), pixels(other)
    if first.shape != second.shape:
        return [f"{name}: {first.shape} and {second.shape}"]
    found = []
    apart = float(np.abs(first.astype(int) - second).mean())
    if apart > MEAN_APART:
        found.append(f"{name}: the pictures are {apart:.2f} levels apart on average")
    for side, picture in (("first", first), ("second", second)):
        corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]]
        if (corners != 255).any():
            found.append(f"{name}: the {side} profile's background is not white")
    return found


def main() -> int:
    """Compare, print, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs=2, default=["cpu", "gpu"])
    parser.add_argument("--photos", type=Path, default=ROOT / "docs" / "photos")
    args = parser.parse_args()
    photos = [path.read_bytes() for path in sorted(args.photos.glob("*.jpg"))[:4]]
    (one, _), (other, metrics) = (answers(profile, photos) for profile in args.profiles)
    wrong = [fault for key, answer in one.items() for fault in faults(str(key), answer, other[key])]
    for key, answer in other.items():
        print(key, "lane", answer.report["photo"]["lane"], "total", answer.report["timings_ms"]["total"], "ms")
    print("engines", next(iter(other.values())).report["engines"])
    count = len(other) + 1  # and the canary
    for metric, labels, value in CARRIED.findall(metrics):
        print(f"{metric} {labels}: {float(value) / count:.0f} a photo")
    print("\n".join(wrong) or f"{len(one)} answers of {' and '.join(args.profiles)} agree")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
