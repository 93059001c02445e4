"""Write the tables of the docs from the committed result files: `python -m perf.figures`.

A table stands between `<!-- figures: NAME -->` and `<!-- end -->`; what is between them is never edited by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perf.provenance import ROOT

RESULTS = ROOT / "perf" / "results"
DOCUMENTS = (
    "README.md",
    "docs/quality.md",
    "docs/speed.md",
    "docs/look.md",
    "docs/model-segment.md",
    "docs/model-relight.md",
    "docs/benchmark.md",
    "docs/batch.md",
)
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

HIGHER_IS_BETTER = {"thin_recall", "thin_precision", "cldice", "openings_kept", "white_exact"}


def load(name: str) -> dict[str, Any]:
    """Return one result file."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def source(name: str) -> str:
    """Return the line that says where a table's figures come from."""
    said = load(name)["provenance"]
    changed = " with changes" if said["dirty"] else ""
    networks = f", {', '.join(said['networks'])}" if "networks" in said else ""  # younger than some results
    return (
        f"`{said['command']}` at {said['commit'][:9]}{changed}{networks} on {said['machine']}, {said['cores']} cores, "
        f"{said['date'][:10]} ([perf/results/{name}.json]({{up}}perf/results/{name}.json))"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def quality() -> str:
    """Our scores beside IS-Net's, whose alpha is composited without further ado."""
    result, isnet = load("quality-cpu"), load("isnet-cpu")["mean"]
    rows = []
    for key, ours in result["mean"].items():
        peer = isnet[key]
        better = ours > peer if key in HIGHER_IS_BETTER else ours < peer
        rows.append([key, f"{ours:.3g}", f"{peer:.3g}", "better" if better else "worse" if ours != peer else "equal"])
    network = f"{result['network']['name']} {result['network']['version']} at {result['network']['size']} px"
    return (
        f"{table(['', network, 'IS-Net, 1024 px', ''], rows)}\n\n{source('quality-cpu')}; IS-Net: {source('isnet-cpu')}"
    )


def heldout() -> str:
    """Our scores on renders of families that were trained on beside those that never were."""
    seen, unseen = load("quality-seen-cpu"), load("quality-unseen-cpu")
    keys = ["sad", "mse", "thin_recall", "thin_precision", "cldice", "openings_kept", "false_holes", "spill"]
    rows = [[key, f"{seen['mean'][key]:.3g}", f"{unseen['mean'][key]:.3g}"] for key in keys]
    head = [
        "",
        f"{len(seen['cases'])} photos, families trained on",
        f"{len(unseen['cases'])} photos, families never seen",
    ]
    return f"{table(head, rows)}\n\n{source('quality-unseen-cpu')}"


def isnet() -> str:
    """The networks' times, measured in turns, and IS-Net's own scores in the same run."""
    result = load("isnet-cpu")
    ms = result["ms"]
    return (
        f"IS-Net {ms['isnet']:.0f} ms, ours {ms['locate']:.0f} ms (overview) + {ms['segment']:.0f} ms "
        f"({result['network']['size']} px, {result['network']['precision']}), in turns on {result['threads']} threads: "
        f"{result['isnet_over_ours']:.1f} times faster.\n\n{source('isnet-cpu')}"
    )


def curve() -> str:
    """How the network grew with training."""
    path = "training/results/learning-curve.json"
    result = json.loads((ROOT / path).read_text())
    rows = []
    for at in [{"step": "shipped before", **result["before"]}, *result["rows"]]:
        figures = [at[group][key] for key in ("iou", "thin_recall", "openings_kept") for group in ("seen", "unseen")]
        rows.append(
            [
                str(at["step"]),
                f"{at['minutes']:.0f}" if "minutes" in at else "",
                *(f"{figure:.3g}" for figure in figures),
            ]
        )
    pairs = [f"{key}, {group}" for key in ("IoU", "thin recall", "openings") for group in ("seen", "unseen")]
    said = f"`{result['command']}` at {result['commit']} on {result['machine']}, {result['date'][:10]}"
    return f"{table(['step', 'minutes', *pairs], rows)}\n\n{said} ([{path}]({{up}}{path}))"


def parity() -> str:
    """The exported network by backend and precision, and at other sizes: figures on the held-out renders, and times."""
    result = json.loads((ROOT / "training" / "results" / "parity.json").read_text())
    shown = {f"{name}, {result['size']} px": row for name, row in result["rows"].items()}
    shown |= {f"{size} px": row for size, row in result["sizes"].items()}
    keys = ("iou", "thin_recall", "openings_kept", "false_holes")
    rows = [
        [name, *(f"{row['seen'][key]:.3g} / {row['unseen'][key]:.3g}" for key in keys), f"{row['ms']:.0f}"]
        for name, row in shown.items()
    ]
    path = "training/results/parity.json"
    said = f"`{result['command']}` at {result['commit']} ([{path}]({{up}}{path}))"
    head = ["", *(f"{key.replace('_', ' ')}, seen / unseen" for key in keys), "ms"]
    return f"{table(head, rows)}\n\n{said}"


def worth() -> str:
    """What each step between the network and the alpha is worth, on three sets."""
    result = load("refine-cpu")
    keys = ("sad", "thin_recall", "thin_precision", "openings_kept", "false_holes", "spill")
    rows = [
        [f"{name} ({given['photos']})", row, *(f"{figures[key]:.3g}" for key in keys)]
        for name, given in result["sets"].items()
        for row, figures in given["rows"].items()
    ]
    return f"{table(['set', 'steps', *keys], rows)}\n\n{source('refine-cpu')}"


def kinds() -> str:
    """Our scores by kind of piece."""
    cases = load("quality-cpu")["cases"]
    keys = ["sad", "thin_recall", "thin_precision", "openings_kept", "false_holes", "spill"]
    groups: dict[str, list[dict[str, float]]] = {}
    for name, scores in cases.items():
        groups.setdefault(name.split("-")[1], []).append(scores)

    def mean(rows: list[dict[str, float]], key: str) -> str:
        values = [row[key] for row in rows if key in row]
        return f"{sum(values) / len(values):.3g}" if values else ""

    body = [[kind, str(len(rows)), *(mean(rows, key) for key in keys)] for kind, rows in sorted(groups.items())]
    return table(["kind", "photos", *keys], body)


def stages() -> str:
    """Median time per stage."""
    result = load("stages-cpu")
    times = result["stages_ms"]
    rows = [
        [name, f"{value['median']:.0f}", f"{value['p90']:.0f}", str(value["instances"] or "")]
        for name, value in times.items()
    ]
    through = result["throughput"]
    photo = result["photo"]
    return (
        f"{table(['stage', 'median ms', 'p90 ms', 'instances'], rows)}\n\n"
        f"{photo['width']}x{photo['height']} JPEG to JPEG on white (2000x2000 asked, not enlarged), "
        f"one photo at a time. With {through['in_flight']} in flight the ensemble answers "
        f"{through['ensemble_images_per_s']:.2f} images/s; its slowest stage, {through['slowest_stage']}, alone "
        f"on the machine does {through['slowest_stage_alone_images_per_s']:.2f} images/s: ratio "
        f"{through['ratio']:.2f}.\n\n"
        f"{source('stages-cpu')}"
    )


def streaming() -> str:
    """Thousands of photos in one stream: what was lost, how long it took, whether memory grew, and went on growing."""
    result = load("soak-cpu")
    memory = result["memory_mib"]
    rows = [
        [
            side,
            f"{kept['at_200']:.0f}",
            f"{kept['at_end']:.0f}",
            f"{kept['highest_after']:.0f}",
            f"{kept['growth_per_1000']:+.1f}",
            f"{kept['growth_per_1000_second_half']:+.1f}",
        ]
        for side, kept in memory.items()
    ]
    head = [
        "memory, MiB",
        "after 200 photos",
        "at the end",
        "highest after 200",
        "trend per 1000 photos",
        "of the second half",
    ]
    late = result["latency_ms"]
    low, high = result["sides_px"]
    return (
        f"{result['photos']} photos of {low} to {high} px a side, {result['in_flight']} in flight: "
        f"{result['answered']} answered, {result['lost']} lost, {len(result['mismatched'])} mismatched, "
        f"{len(result['failed'])} failed; {result['photos_per_s']:.2f} photos/s, latency p50 {late['p50']} ms, "
        f"p99 {late['p99']} ms.\n\n{table(head, rows)}\n\n{source('soak-cpu')}"
    )


def jpeg() -> str:
    """Our JPEGs beside ordinary ones of the same quality."""
    result = load("jpeg")
    rows = []
    for row in result["rows"]:
        plain, ours = row["ordinary"], row["ours"]
        rows.append(
            [
                str(row["quality"]),
                f"{plain['not_white']} / {ours['not_white']}",
                f"{ours['bytes'] / plain['bytes']:.2f}",
                f"{plain['psnr_db']:.1f} / {ours['psnr_db']:.1f}",
            ]
        )
    head = ["quality", "background pixels not white, ordinary / ours", "size, ours / ordinary", "PSNR in the piece, dB"]
    return f"{table(head, rows)}\n\nSum over {result['pictures']} catalog pictures. {source('jpeg')}"


def large() -> str:
    """What the refine stage is worth at full resolution, by the shipped network."""
    result = load("large-cpu")
    keys = ["sad", "thin_recall", "thin_precision", "openings_kept", "false_holes", "spill", "fringe"]
    rows = [[row, *(f"{scores[key]:.3g}" for key in keys)] for row, scores in result["rows"].items()]
    network = f"{result['network']['name']} {result['network']['version']}"
    return f"{table(['', *keys], rows)}\n\n{len(result['pieces'])} pieces, {network}. {source('large-cpu')}"


def edges() -> str:
    """What the refine stage is worth on drawn pieces, its time and memory."""
    result = load("edges-cpu")
    keys = ["sad", "thin_recall", "thin_precision", "openings_kept", "false_holes", "spill", "fringe"]
    rows = [[row, *(f"{scores[key]:.3g}" for key in keys)] for row, scores in result["rows"].items()]
    took = result["stage"]
    return (
        f"{table(['', *keys], rows)}\n\n{result['pieces']} pieces. The whole stage on one of {took['side']}x"
        f"{took['side']}: median {took['median_ms']:.0f} ms ({took['cpu_median_ms']:.0f} ms of processor time, machine "
        f"load {took['load_1min']}), memory {took['memory_over_rgb']:.1f} times the photo's RGB bytes. "
        f"{source('edges-cpu')}"
    )


def relight() -> str:
    """The relight network on path traced pairs, beside the plain composite."""
    result = json.loads((ROOT / "training" / "results" / "relight.json").read_text())
    rows = []
    for name, groups in {"plain composite": result["plain composite"], **result["rows"]}.items():
        cells = [
            " / ".join(f"{groups[group][key]:.3g}" for group in ("seen", "unseen"))
            for key in ("piece", "stone", "detail")
        ]
        rows.append([name, *cells, f"{result['ms'][name]:.0f}" if name in result["ms"] else ""])
    head = ["", "piece, seen / unseen", "stones, seen / unseen", "detail, seen / unseen", "ms"]
    counts = " and ".join(f"{result['plain composite'][group]['pairs']} {group}" for group in ("seen", "unseen"))
    made, exact = result["training"], result["studio in closed form"]
    return (
        f"{table(head, rows)}\n\nThe studio in closed form is {exact['mean']:.1f} ({exact['least']:.1f} to "
        f"{exact['most']:.1f}) from the path traced one, over {exact['pairs']} pieces. CIEDE2000 "
        f"against the studio picture; {counts} pairs. {made['steps']} steps, "
        f"{made['seconds'] / 60:.0f} minutes, {made['pieces']} traced pieces. `python -m training.relight_export` at "
        f"{made['commit']} on {made['machine']} ([training/results/relight.json]({{up}}training/results/relight.json))"
    )


def busy(name: str) -> str:
    """A warning where other work was on the machine while a result was measured."""
    said = load(name)["provenance"]
    if said["load_1min"] < 1:
        return ""
    return (
        f"**Measured beside other work (load {said['load_1min']} on {said['cores']} cores): the times say nothing of "
        "the server; run it again on an idle machine.**\n\n"
    )


def bench() -> str:
    """Throughput, goodput and latency under each load."""
    result = load("bench-cpu")
    rows = []
    for level in result["levels"]:
        speeds = level["photos_per_s"]["rounds"]
        late = [level["latency_ms"].get(name) for name in ("p50", "p90", "p99", "p99.9")]
        cells = [f"{each['ms']:.0f}" + ("" if each["is_known"] else " ?") if each else "" for each in late]
        refused = sum(level["errors"].values())
        rows.append(
            [
                level["level"],
                f"{min(speeds):.2f} to {max(speeds):.2f}",
                f"{level['goodput_per_s']:.2f}",
                *cells,
                str(refused),
            ]
        )
    head = ["load", "photos/s", f"within {result['target_ms']:g} ms", "p50 ms", "p90", "p99", "p99.9", "refused"]
    photo, alone = result["photo"], ""
    if efficiency := result.get("efficiency"):
        alone = f" Ensemble over slowest stage alone ({efficiency['slowest_stage']}): {efficiency['ratio']:.2f}."
    return (
        f"{busy('bench-cpu')}{table(head, rows)}\n\n"
        f"{photo['width']}x{photo['height']} JPEG to JPEG on white (2000x2000 asked, not enlarged); "
        f"{result['rounds']} rounds of {result['seconds']:g} s. `closed N`: N photos under way; "
        "`open S`: Poisson arrivals at S of the capacity, latency from the moment a photo "
        "was due. `?`: fewer than ten answers lie beyond it."
        f"{alone}\n\n{source('bench-cpu')}"
    )


def split() -> str:
    """Where photos waited and were worked on, by Triton's own metrics."""
    rows = [
        [name, f"{each['queue_ms']:.0f}", f"{each['compute_ms']:.0f}"]
        for name, each in load("bench-cpu")["stages"].items()
    ]
    return table(["stage", "queue ms", "compute ms"], rows)


def crosscheck() -> str:
    """Our load generator beside perf_analyzer."""
    result = load("crosscheck-cpu")
    rows = []
    for name, key in (("photos/s", "photos_per_s"), ("p50 ms", "p50")):
        found = result["agreement"][key]
        ranges = (f"{low:.2f} to {high:.2f}" for low, high in (found["ours"], found["perf_analyzer"]))
        rows.append([name, *ranges, f"{found['ratio']:.2f}", "yes" if found["agree"] else "no"])
    head = ["", "ours", "perf_analyzer", "ratio of the medians", "agree within the spread"]
    return (
        f"{busy('crosscheck-cpu')}{table(head, rows)}\n\n{result['concurrency']} photos under way, "
        f"{len(result['ours'])} turns each.\n\n{source('crosscheck-cpu')}"
    )


def peers() -> str:
    """Our server beside rembg and plain torch on the same photos."""
    result = load("peers-cpu")
    keys = ("sad", "thin_recall", "openings_kept", "false_holes", "spill")
    names = {"milgrain": "milgrain", "rembg": "rembg, IS-Net", "torch": "plain torch, our network alone"}
    rows = [
        [
            names[name],
            f"{min(each['photos_per_s']['rounds']):.2f} to {max(each['photos_per_s']['rounds']):.2f}",
            *(f"{each['scores'][key]:.3g}" if key in each["scores"] else "" for key in keys),
        ]
        for name, each in result["rows"].items()
    ]
    return (
        f"{busy('peers-cpu')}{table(['', 'photos/s', *keys], rows)}\n\n{result['photos']} photos, in turns, "
        f"{result['threads']} threads, {result['in_flight']} in flight at the server. {source('peers-cpu')}"
    )


def kills() -> str:
    """What kill -9 did to a batch."""
    result = load("kills-cpu")
    victims = [kill["victim"] for kill in result["kills"]]
    counts = ", ".join(f"{name} {victims.count(name)}" for name in sorted(set(victims)))
    return (
        f"{result['photos']} photos, {len(victims)} times kill -9 at random moments ({counts}): {result['done']} done, "
        f"{result['lost']} lost, {result['double']} double, {len(result['torn'])} torn, {len(result['failed'])} failed."
        f"\n\n{source('kills-cpu')}"
    )


def overload() -> str:
    """What happens at several times the capacity."""
    result = load("overload-cpu")
    late = result["overloaded"]["latency_ms"]
    return (
        f"{busy('overload-cpu')}Capacity {result['capacity_per_s']:.2f} photos/s; {result['offered_per_s']:.2f}/s "
        f"offered for {result['seconds']:g} s: {result['offered']} photos, {result['answered']} answered (p50 "
        f"{late['p50']['ms']:.0f} ms, p99 {late['p99']['ms']:.0f} ms), {result['refused_retryable']} refused as "
        f"`Overloaded` (median {result['refusal_ms']['p50']:.0f} ms), {result['failed_otherwise']} failed otherwise. A "
        f"photo sent after the end was answered {result['recovery_s']:.1f} s after it.\n\n{source('overload-cpu')}"
    )


TABLES: dict[str, Callable[[], str]] = {
    "quality": quality,
    "kinds": kinds,
    "heldout": heldout,
    "isnet": isnet,
    "curve": curve,
    "parity": parity,
    "worth": worth,
    "stages": stages,
    "streaming": streaming,
    "jpeg": jpeg,
    "edges": edges,
    "relight": relight,
    "large": large,
    "bench": bench,
    "split": split,
    "crosscheck": crosscheck,
    "peers": peers,
    "kills": kills,
    "overload": overload,
}


def updated(document: str) -> str:
    """Return a document's text with every table made anew."""
    up = "../" * document.count("/")

    def fill(found: re.Match[str]) -> str:
        return f"{found[1]}{TABLES[found[2]]().replace('{up}', up)}\n{found[3]}"

    return BLOCK.sub(fill, (ROOT / document).read_text())


def main() -> None:
    """Write every document."""
    for document in DOCUMENTS:
        Path(ROOT / document).write_text(updated(document))


if __name__ == "__main__":
    main()
