"""The README's own snippet runs as it stands."""

import re
import shutil

from PIL import Image


def test_the_snippet_of_the_readme_runs(server, root, tmp_path, monkeypatch, capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert "localhost:8001" in snippet
    assert len(snippet.splitlines()) <= 10
    shutil.copy(root / "docs" / "photos" / "solitaire-on-marble.jpg", tmp_path / "ring.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.replace("localhost:8001", server.grpc), "README.md", "exec"), {})
    with Image.open("ring.white.png") as picture:
        assert picture.format == "PNG"
    assert capsys.readouterr().out.startswith(("True", "False"))
