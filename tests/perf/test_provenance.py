import subprocess

from perf import provenance


def test_command_is_what_a_reader_would_type(monkeypatch):
    monkeypatch.setattr("sys.argv", [str(provenance.ROOT / "perf" / "soak.py"), "--photos", "2 000"])
    assert provenance.provenance()["command"] == "python -m perf.soak --photos '2 000'"
    monkeypatch.setattr("sys.argv", ["/usr/bin/pytest", "-q"])
    assert provenance.provenance()["command"] == "pytest -q"


def test_new_results_and_docs_are_not_dirt_but_code_is(tmp_path, monkeypatch):
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)

    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    files = [tmp_path / "perf" / "results" / "a.json", tmp_path / "docs" / "a.md", tmp_path / "code.py"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    assert len(str(provenance.provenance()["commit"])) == 40
    for file, dirty in zip(files, (False, False, True), strict=True):
        file.write_text("2")
        assert provenance.provenance()["dirty"] is dirty
