"""The import rule of docs/architecture.md: who may import whom, held by walking the syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "kernels": set(),
    "server": {"kernels"},
    "clients": {"server.contract"},
    "perf": {"clients", "kernels", "server"},
    "model_repository": {"kernels", "server"},
    "deploy": {"server"},
    "training": {"kernels.reference"},
}
BORDER = "triton_python_backend_utils"


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_follow_the_rule(folder):
    allowed = MAY_IMPORT[folder] | {folder}
    files = list((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} holds no Python"
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in imported(path)
        if name.split(".")[0] in MAY_IMPORT and not any(name == ok or name.startswith(ok + ".") for ok in allowed)
    ]
    assert not wrong


def test_only_one_module_knows_triton():
    knows = [
        str(path.relative_to(ROOT))
        for folder in MAY_IMPORT
        for path in (ROOT / folder).rglob("*.py")
        if any(name.split(".")[0] == BORDER for name in imported(path))
    ]
    assert knows == ["server/triton.py"]


def test_model_files_are_wires():
    """A model.py wires a stage function to Triton in at most 25 lines; logic belongs to the stage."""
    sizes = {p.parent.parent.name: len(p.read_text().splitlines()) for p in (ROOT / "model_repository").rglob("*.py")}
    assert sorted(sizes) == ["composite", "crop", "decode", "encode", "locate", "refine", "relight", "segment"]
    assert max(sizes.values()) <= 25, sizes
