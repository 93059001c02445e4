from __future__ import annotations

import shutil
import sys
from types import SimpleNamespace

from kernels import launch


def test_a_changed_header_is_compiled_anew(monkeypatch, tmp_path):
    """CuPy 13 keeps what it compiled on disk under a hash of source and options, and reads no included file for it."""
    keys = []
    fake = SimpleNamespace(RawModule=lambda code, options: keys.append((code, options)))
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(launch, "CUDA", shutil.copytree(launch.CUDA, tmp_path / "cuda"))
    header = launch.CUDA / "batch.cuh"
    for text in (header.read_text(), header.read_text(), header.read_text().replace("0.5f", "0.25f")):
        header.write_text(text)
        launch._compiled.__wrapped__("window", 0)
    assert keys[0] == keys[1] != keys[2]
