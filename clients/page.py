"""One self-contained HTML page per run: totals, causes of failure, QA histograms, and what a person should look at."""

from __future__ import annotations

import base64
import io
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from PIL import ExifTags, Image

from clients import store
from clients.journal import Journal
from clients.results import kind, rows

PAGE = Path(__file__).with_suffix(".html")
SHOWN = 200
"""How many pieces to review are shown with pictures; the rest are listed."""
LISTED = 2000
"""How many failed photos and photos to review are listed at all; results.jsonl holds every one."""
SIDE = 420
"""Longest side of a picture in the page, in pixels."""
BINS = 20
DAMAGE = (struct.error, SyntaxError, ValueError, OSError, EOFError, KeyError, TypeError)
"""What Pillow raises on damaged files and metadata."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation but 1."""

MEASURES: dict[str, Callable[[dict[str, Any]], float]] = {
    "coverage: share of the photo that is piece": lambda qa: qa["coverage"],
    "unsure: share of the piece that is neither in nor out": lambda qa: min(1.0, qa["unsure"]),
}


def write(journal: Journal) -> Path:
    """Write report.html into the run's folder; return its path."""
    path = journal.folder / "report.html"
    store.write(str(path), page(rows(journal), journal.facts).encode())
    return path


def page(found: Iterable[dict[str, Any]], facts: dict[str, Any]) -> str:
    """Return the page of these rows of `clients.results`, read once; only what it shows of them is kept."""
    totals = dict.fromkeys(("photos", "done", "failed", "left", "to review", "break a preset's rules"), 0)
    causes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    bins: dict[str, Counter[int]] = {name: Counter() for name in MEASURES}
    failed: list[str] = []
    review: list[str] = []
    unlisted = 0
    for each in found:
        totals["photos"] += 1
        totals[each["status"]] += 1
        if each["report"] and "qa" in each["report"]:
            for name, measure in MEASURES.items():
                bins[name][min(BINS - 1, int(measure(each["report"]["qa"]) * BINS))] += 1
        if each["status"] == "failed":
            causes[f"{each['kind']}: {kind(each['cause'])}"] += 1
            listed = failed
        elif each["status"] == "done" and (each["needs_review"] or each["violations"]):
            totals["to review"] += bool(each["needs_review"])
            totals["break a preset's rules"] += bool(each["violations"])
            reasons.update(map(kind, each["reasons"]))
            broken.update(f"{each['preset']}: {rule.partition(':')[0]}" for rule in each["violations"])
            listed = review
        else:
            continue
        if len(listed) < LISTED:
            listed.append(_row(each, listed is review and len(review) < SHOWN))
        else:
            unlisted += 1
    counted = [_table("Failures by cause", causes), _table("Review by reason", reasons), _table("Rules broken", broken)]
    return Template(PAGE.read_text()).substitute(
        title=escape(f"{facts.get('source', 'run')} to {facts.get('out', '')}"),
        totals="".join(f"<div><dt>{name}</dt><dd>{count}</dd></div>" for name, count in totals.items()),
        counted="".join(counted),
        histograms="".join(_histogram(name, counts) for name, counts in bins.items()),
        rows="\n".join([*failed, *review]),
        more=f"<p>{unlisted} more in results.jsonl</p>" if unlisted else "",
        footer=escape(f"started {facts.get('started', '')}; every photo's row is in results.jsonl beside this page"),
    )


def _table(title: str, counts: Counter[str]) -> str:
    if not counts:
        return ""
    lines = "".join(f"<tr><td>{escape(name)}</td><td>{count}</td></tr>" for name, count in counts.most_common())
    return f"<div><h2>{title}</h2><table>{lines}</table></div>"


def _histogram(title: str, counts: Counter[int]) -> str:
    """Return how many photos are in each of the `BINS` parts of 0 to 1 as bars."""
    if not counts:
        return ""
    most = max(counts.values())
    bars = "".join(
        f'<i style="height:{100 * counts[bin_] / most:.1f}%" title="{bin_ / BINS:.2f} to {(bin_ + 1) / BINS:.2f}: '
        f'{counts[bin_]}"></i>'
        for bin_ in range(BINS)
    )
    return f'<div><h2>{escape(title)}</h2><div class="bars">{bars}</div><div class="ends"><b>0</b><b>1</b></div></div>'


def _row(each: dict[str, Any], is_pictured: bool) -> str:
    """Return one photo's section; with a slider where both pictures can be read."""
    is_failed = each["status"] == "failed"
    classes = [
        *(["failed"] if is_failed else []),
        *(["review"] if each["needs_review"] else []),
        *(["rules"] if each["violations"] else []),
    ]
    said = [each["cause"]] if is_failed else [*each["reasons"], *each["violations"]]
    lines = "".join(f"<li>{escape(line)}</li>" for line in said)
    name = "" if each["photo"].endswith(each["sku"]) else f"<small>{escape(each['photo'])}</small>"
    shown = _slider(each) if is_pictured else ""
    return f'<section class="{" ".join(classes)}"><h3>{escape(each["sku"])}</h3>{name}<ul>{lines}</ul>{shown}</section>'


def _slider(each: dict[str, Any]) -> str:
    """Return photo and picture on top of each other, the photo cut to the picture's framing."""
    try:
        photo, picture = (_upright(Image.open(io.BytesIO(store.read(each[name])))) for name in ("photo", "picture"))
    except (*DAMAGE, Image.DecompressionBombError) as missing:  # The page says so: the run itself is none the worse.
        return f"<p>{escape(f'no pictures: {missing}')}</p>"
    before, after = _data_url(_framed(photo, each["report"])), _data_url(picture)
    width, height = picture.size
    return (
        f'<div class="slider" style="aspect-ratio:{width}/{height}"><img src="{after}" alt="picture">'
        f'<img class="before" src="{before}" alt="photo"><input type="range" value="50" aria-label="photo or picture">'
        "</div>"
    )


def _upright(photo: Image.Image) -> Image.Image:
    """Turn the photo as its EXIF orientation says, and as the server does: by that tag alone, whatever the others are.

    What is not 1 to 8, or cannot be read, means upright.
    """
    photo.load()  # Pillow turns a TIFF, and only a TIFF, when it loads it
    try:
        orientation = photo.getexif().get(ExifTags.Base.Orientation)
    except DAMAGE:
        return photo
    turn = TURNS.get(orientation) if isinstance(orientation, int) else None
    return photo if turn is None else photo.transpose(turn)


def _framed(photo: Image.Image, report: dict[str, Any]) -> Image.Image:
    """Return the part of the photo that the picture shows, on gray where it shows more than the photo has."""
    bounds, shown = report["qa"]["bounds"], report["picture"]
    scale = shown["scale"]
    width, height = shown["width"] / scale, shown["height"] / scale
    if not bounds or (round(width), round(height)) == photo.size:
        return photo
    left = (bounds[0] + bounds[2] - width) / 2
    top = (bounds[1] + bounds[3] - height) / 2
    framed = Image.new("RGB", (max(1, round(width)), max(1, round(height))), (216, 216, 216))
    framed.paste(photo.convert("RGB"), (-round(left), -round(top)))
    return framed


def _data_url(image: Image.Image) -> str:
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.convert("RGBA" if "A" in image.getbands() else "RGB").save(out, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
