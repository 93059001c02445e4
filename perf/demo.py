"""Cut the sample photos through a real server and lay out a contact sheet: `python -m perf.demo`."""

from __future__ import annotations

import argparse
import base64
import io
import shutil
import sys
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from PIL import Image, ImageOps

from clients.client import Answer, Client, Ensemble
from clients.errors import MilgrainError
from perf.provenance import ROOT, provenance
from perf.running import running
from server.contract import Look

PAGE = Path(__file__).with_suffix(".html")
IN_FLIGHT = 4
THUMBNAIL = 640
"""Longest side of a picture in the page, in pixels; the files beside it are whole."""
COLOURS = {"decode": "#c9b48a", "locate": "#d3a04f", "crop": "#8a6d3b", "segment": "#a9843f", "refine": "#6e8b74",
           "relight": "#b0776b", "composite": "#7f8ea3", "encode": "#4f5b6b", "waiting": "#dcd8d1"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """What one ensemble answered to all photos, and how long that took."""

    answers: dict[str, Answer | MilgrainError]
    seconds: float


def cut(client: Client, photos: list[Path], look: Look, ensemble: Ensemble) -> Run:
    """Stream the photos through one ensemble."""
    start = time.perf_counter()
    answers = dict(client.stream(photos, look, ensemble=ensemble, in_flight=IN_FLIGHT, timeout=300))
    return Run(answers, time.perf_counter() - start)


def thumbnail(data: bytes) -> str:
    """Return a small copy as a data URL: WebP, alpha kept."""
    out = io.BytesIO()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    image.convert("RGBA" if "A" in image.getbands() else "RGB").save(out, "WEBP", quality=88)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"


def figure(kind: str, caption: str, path: str, data: bytes) -> str:
    """Return one picture that links to its file."""
    return (
        f'<figure class="{kind}"><a href="{escape(path)}"><img src="{thumbnail(data)}" alt="{escape(caption)}"></a>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def timing(spent: dict[str, float]) -> str:
    """Return the stages' times as a bar and its legend."""
    known = {name: spent[name] for name in COLOURS if spent[name] >= 0.5}
    bars = (
        f'<span style="flex:{ms:.2f};background:{COLOURS[name]}" title="{name} {ms:.0f} ms"></span>'
        for name, ms in known.items()
    )
    legend = (
        f'<span><i style="background:{COLOURS[name]}"></i>{name} {ms:.0f} ms</span>' for name, ms in known.items()
    )
    return f'<div class="bar">{"".join(bars)}</div><div class="legend">{"".join(legend)}</div>'


def section(photo: Path, white: Answer | MilgrainError, cutout: Answer | MilgrainError) -> str:
    """Return one photo's row, or its failure."""
    title = f"<h2>{escape(photo.stem)}</h2>"
    if isinstance(white, MilgrainError) or isinstance(cutout, MilgrainError):
        cause = white if isinstance(white, MilgrainError) else cutout
        return f'<section><div class="facts">{title}<span class="failed">{escape(str(cause))}</span></div></section>'
    report = white.report
    facts = [
        f"{report['timings_ms']['total'] / 1000:.2f} s, {IN_FLIGHT} in flight",
        f"piece covers {report['qa']['coverage']:.0%} of the photo",
        f"alpha unsure over {report['qa']['unsure']:.1%} of it",
    ]
    spans = "".join(f"<span>{escape(fact)}</span>" for fact in facts)
    doubts = escape("; ".join(report["reasons"]))
    before, after = (f"{side['width']}x{side['height']}" for side in (report["photo"], report["picture"]))
    row = (
        figure("photo", f"photo, {before}", f"photos/{photo.name}", photo.read_bytes())
        + figure("white", f"on pure white, {after}", f"white/{photo.stem}.jpg", white.image)
        + figure("cutout", "cutout, straight alpha", f"cutout/{photo.stem}.png", cutout.image)
    )
    return (
        f'<section><div class="facts">{title}{spans}</div><p class="doubts">{doubts}</p><div class="row">{row}</div>'
        f"{timing(report['timings_ms'])}</section>"
    )


def page(photos: list[Path], white: Run, cutout: Run) -> str:
    """Return the contact sheet."""
    answers = [answer for answer in white.answers.values() if isinstance(answer, Answer)]
    network = answers[0].report["models"]["segment"] if answers else {"name": "none", "version": ""}
    origin = provenance()
    summary = {
        "photos": f"{len(answers)} of {len(photos)} answered",
        "throughput": f"{len(answers) / white.seconds:.2f} photos/s, {IN_FLIGHT} in flight",
        "network": f"{network['name']} {network['version']}",
        "machine": f"{origin['machine']}, {origin['cores']} cores",
    }
    return Template(PAGE.read_text()).substitute(
        title=f"{len(photos)} photos, cut out and set on pure white",
        summary="".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in summary.items()),
        sections="\n".join(section(photo, white.answers[str(photo)], cutout.answers[str(photo)]) for photo in photos),
        footer=f"<code>{escape(str(origin['command']))}</code> at {str(origin['commit'])[:9] or 'no commit'}, "
        f"{origin['date']}. A picture is a small copy of the file it links to; the times of locate and segment "
        "include their waits.",
    )


def write(out: Path, photos: list[Path], white: Run, cutout: Run) -> None:
    """Write the pictures and the contact sheet."""
    for folder in ("photos", "white", "cutout"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for photo in photos:
        shutil.copyfile(photo, out / "photos" / photo.name)
        for folder, suffix, run in (("white", ".jpg", white), ("cutout", ".png", cutout)):
            answer = run.answers[str(photo)]
            if isinstance(answer, Answer):
                (out / folder / f"{photo.stem}{suffix}").write_bytes(answer.image)
    (out / "index.html").write_text(page(photos, white, cutout))


def main() -> None:
    """Start a server, cut, write, stop the server, say where to look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "docs" / "photos", help="folder of .jpg files")
    parser.add_argument("--out", type=Path, default=Path("demo"))
    args = parser.parse_args()
    photos = sorted(args.photos.glob("*.jpg"))
    if not photos:
        sys.exit(f"no .jpg in {args.photos}")
    with running() as server, Client(server.grpc) as client:
        white = cut(client, photos, Look(), "catalog")
        cutout = cut(client, photos, Look(format="png"), "cutout")
    write(args.out, photos, white, cutout)
    failures = [
        answer for run in (white, cutout) for answer in run.answers.values() if isinstance(answer, MilgrainError)
    ]
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    print(f"{len(photos)} photos in {white.seconds:.1f} s; look at {args.out / 'index.html'}")
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
