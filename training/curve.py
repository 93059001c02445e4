"""Draw the learning curve: `python -m training.curve training/.runs/main/at-*.pt --before old/model.onnx`.

Every checkpoint's averaged weights are measured on the held-out renders, in the shipped precision, and so is the
network that was shipped before; training/results/learning-curve.json also says what there was to learn from.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training import export, measure
from training.network import MEAN, SCALE


def figures(model: Path, size: int, data: Path) -> dict[str, Any]:
    """Mean figures of both held-out sets."""
    network = measure.openvino(model, "bf16")
    card = {"input": {"size": size, "mean": list(MEAN), "scale": list(SCALE)}}
    means = {group: measure.over_folder(network, data / group, card)["mean"] for group in ("seen", "unseen")}
    return {group: {key: mean[key] for key in measure.KEPT} for group, mean in means.items()}


def lesson(folder: Path) -> dict[str, Any]:
    """What there was to learn from: pieces by family, and the seconds that each took."""
    notes = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    if not notes:
        return {"pieces": 0}
    families = dict(sorted(Counter(note["family"] for note in notes).items()))
    return {
        "pieces": len(notes),
        "families": families,
        "seconds_each": round(sum(note["seconds"] for note in notes) / len(notes), 2),
    }


def main() -> None:
    """Measure and write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--before", type=Path, help="ONNX file of the network shipped before")
    parser.add_argument("--size", type=int, default=768)
    parser.add_argument("--data", type=Path, default=Path("training/.data"))
    parser.add_argument("--out", type=Path, default=Path("training/results/learning-curve.json"))
    options = parser.parse_args()
    result: dict[str, Any] = {
        "command": "python -m training.curve training/.runs/RUN/at-*.pt --before OLD.onnx",
        "commit": export.commit(),
        "machine": f"{platform.processor() or platform.machine()}, 2 shared cores, no GPU",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": options.size,
        "path traced photos": lesson(options.data),
        "traced pieces": lesson(options.data / "paths"),
        "rows": [],
    }
    if options.before:
        result["before"] = figures(options.before, options.size, options.data)
    with tempfile.TemporaryDirectory() as folder:
        for checkpoint in options.checkpoints:
            network, training = export.load(checkpoint)
            model = Path(folder) / "model.onnx"
            export.write_onnx(network, options.size, model)
            row = {"step": training["steps"], "minutes": round(training["seconds"] / 60, 1)}
            result["rows"].append(row | figures(model, options.size, options.data))
            print(json.dumps(result["rows"][-1]), flush=True)
    result["rows"].sort(key=lambda row: row["step"])
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
