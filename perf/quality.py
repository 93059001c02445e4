"""Score the running product on the fixed evaluation set: `python -m perf.quality`.

Every case goes through a real server, once as a cutout and once as a picture on white, and the set's own
`score.py` judges what comes back. The pictures stay in an ignored folder, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from clients.client import Answer, Client, Ensemble
from perf.provenance import ROOT, provenance
from perf.running import engines, running
from server.contract import Look

OWN_FRAMING = Look(format="png", size=None)


def predict(address: str, truth: Path, prediction: Path) -> None:
    """Write NAME.png, the cutout, and NAME.white.png, the picture on white, for every NAME.photo.jpg."""
    prediction.mkdir(parents=True, exist_ok=True)
    photos = sorted(truth.glob("*.photo.jpg"))
    with Client(address) as client:
        wanted: dict[Ensemble, str] = {"cutout": ".png", "catalog": ".white.png"}
        for ensemble, suffix in wanted.items():
            for name, answer in client.stream(photos, OWN_FRAMING, ensemble=ensemble, in_flight=2):
                if not isinstance(answer, Answer):
                    raise answer
                case = Path(name).name.removesuffix(".photo.jpg")
                (prediction / f"{case}{suffix}").write_bytes(answer.image)


def main() -> None:
    """Predict, score, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, default=ROOT.parent / "shared" / "quality", help="folder with score.py")
    parser.add_argument("--cases", type=Path, help="another set to score: NAME.photo.jpg, NAME.alpha.png, ...")
    parser.add_argument("--pictures", type=Path, default=ROOT / "out" / "quality", help="where the pictures go")
    parser.add_argument("--result", type=Path, default=ROOT / "perf" / "results" / "quality-cpu.json")
    parser.add_argument("--server", help="host:port of a running server's gRPC; default: start one")
    args = parser.parse_args()
    cases = args.cases or args.set / "cases"
    if not (args.set / "score.py").is_file():
        parser.error(f"{args.set} holds no score.py")
    with nullcontext() if args.server else running() as server:
        address = server.grpc if server else args.server
        predict(address, cases, args.pictures)
        ran = engines(address)
    scores = args.pictures / "scores.json"
    command = [sys.executable, str(args.set / "score.py"), str(cases), str(args.pictures)]
    subprocess.run([*command, "--json", str(scores)], check=True)
    card = json.loads((ROOT / "model_repository" / "segment" / "1" / "model.json").read_text())
    network = {key: card[key] for key in ("name", "version", "sha256", "precision")} | {"size": card["input"]["size"]}
    result = {"provenance": provenance(), "network": network, "engines": ran, **json.loads(scores.read_text())}
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {args.result}")


if __name__ == "__main__":
    main()
