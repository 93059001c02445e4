"""Compare our JPEGs, whose white is exact, with ordinary ones of the same pictures: `python -m perf.jpeg`."""

from __future__ import annotations

import io
import json

import numpy as np
from PIL import Image

from clients.client import Answer, Client
from perf.provenance import ROOT, provenance
from perf.running import running
from server.contract import Look
from server.stages.encode import encoded

QUALITIES = (80, 90, 95)
RESULT = ROOT / "perf" / "results" / "jpeg.json"


def ordinary(picture: np.ndarray, quality: int) -> bytes:
    """Encode as libjpeg-turbo does by itself: YCbCr, here without chroma subsampling, as ours."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def judge(picture: np.ndarray, data: bytes) -> tuple[int, int, float]:
    """Return the file's bytes, its background pixels that are not white, and the PSNR inside the piece in dB."""
    seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    background = (picture == 255).all(-1)
    error = (seen[~background].astype(float) - picture[~background]) ** 2
    return len(data), int((seen[background] != 255).any(-1).sum()), float(10 * np.log10(255**2 / error.mean()))


def main() -> None:
    """Cut the sample photos, encode each picture both ways, write the result file."""
    photos = sorted((ROOT / "docs" / "photos").glob("*.jpg"))
    with running() as server, Client(server.grpc) as client:
        answers = [answer for _, answer in client.stream(photos, Look(format="png"), in_flight=4)]
    pictures = [np.asarray(Image.open(io.BytesIO(a.image)).convert("RGB")) for a in answers if isinstance(a, Answer)]
    assert len(pictures) == len(photos), answers
    rows = []
    for quality in QUALITIES:
        ways = {"ordinary": ordinary, "ours": lambda picture, q: encoded(picture, Look(quality=q))}
        row = {}
        for name, way in ways.items():
            size, off, psnr = zip(*(judge(picture, way(picture, quality)) for picture in pictures), strict=True)
            row[name] = {"bytes": sum(size), "not_white": sum(off), "psnr_db": round(sum(psnr) / len(psnr), 2)}
        rows.append({"quality": quality, **row})
    RESULT.write_text(
        json.dumps({"provenance": provenance(), "pictures": len(pictures), "rows": rows}, indent=1) + "\n"
    )
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
