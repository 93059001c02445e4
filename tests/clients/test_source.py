"""What a manifest, a folder and an S3 bucket make of a batch."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clients import store
from clients.batch import go_on
from clients.journal import Journal
from clients.presets import load_preset
from clients.source import plan_batch
from server.contract import Look


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.jpg", "b.png"):
        (tmp_path / "in" / name).write_bytes(name.encode())


def manifest(text, name="list.csv"):
    Path(name).write_text(text)
    return plan_batch(name, "out", Look(fill=0.5))


def test_csv_and_jsonl_say_the_same():
    table = manifest(
        'sku,photo,preset,look,priority\nR-1,in/a.jpg,etsy,"{""fill"": 0.7}",interactive\nR-2,in/b.jpg,,,\n'
    )
    lines = [
        {"sku": "R-1", "photo": "in/a.jpg", "preset": "etsy", "look": {"fill": 0.7}, "priority": "interactive"},
        {"sku": "R-2", "photo": "in/b.jpg"},
    ]
    assert manifest("\n".join(map(json.dumps, lines)), "list.jsonl") == table
    first, second = table
    assert (first.sku, first.picture, first.preset, first.priority) == ("R-1", "out/R-1.jpg", "etsy", 1)
    assert (first.look.fill, first.look.size) == (0.7, 2000)
    assert (second.look, second.preset, second.priority) == (Look(fill=0.5), "", 2)


def test_jsonl_is_split_at_line_ends_only():
    """JSON may hold U+2028 unescaped: str.splitlines would cut a name in two there."""
    names = ("first\u2028ring", "second\u2028ring", "third\u2028ring")
    rows = (json.dumps({"sku": name, "photo": "in/a.jpg"}, ensure_ascii=False) for name in names)
    text = "".join(row + end for row, end in zip(rows, ("\n", "\r\n", "\r"), strict=True))
    Path("list.jsonl").write_bytes(text.encode())
    assert [job.sku for job in plan_batch("list.jsonl", "out", Look())] == list(names)


def test_look_is_the_presets_then_the_commands_then_the_rows():
    Path("list.csv").write_text(
        'sku,photo,preset,look\nA,in/a.jpg,,\nB,in/a.jpg,ebay,"{""shadow"": 0.5}"\nC,in/a.jpg,,"{""fill"": 0.6}"\n'
    )
    wanted = {"fill": 0.85, "quality": 80}  # fill is the look's default, and above etsy's all the same
    jobs = plan_batch("list.csv", "out", Look.model_validate(wanted), "etsy")
    etsy, ebay = load_preset("etsy").look, load_preset("ebay").look
    assert [job.look for job in jobs] == [
        Look.model_validate(etsy | wanted),
        Look.model_validate(ebay | wanted | {"shadow": 0.5}),
        Look.model_validate(etsy | wanted | {"fill": 0.6}),
    ]
    (job, *_) = plan_batch("in", "out", Look.model_validate(wanted), "etsy")
    assert job.look == Look.model_validate(etsy | wanted)


def test_rows_share_a_look():
    """A scene may be 8 MB: it is kept once."""
    first, second = manifest("sku,photo\nA,in/a.jpg\nB,in/b.jpg\n")
    assert first.look is second.look


def test_cutout_that_the_ensemble_would_refuse_is_refused_in_planning():
    Path("list.csv").write_text("sku,photo,preset\nA,in/a.jpg,\nB,in/b.jpg,etsy\n")
    with pytest.raises(ValueError, match=r"list\.csv, line 3: bad look: format: preset etsy asks for jpeg"):
        plan_batch("list.csv", "out", Look(), ensemble="cutout")
    with pytest.raises(ValueError, match="preset etsy asks for jpeg"):
        plan_batch("in", "out", Look(), "etsy", "cutout")
    for look in (Look(format="png"), Look(matte=True)):
        assert len(plan_batch("list.csv", "out", look, ensemble="cutout")) == 2
    first, *_ = plan_batch("in", "out", Look(), ensemble="cutout")
    assert (first.picture, first.look.format) == ("out/a.png", "png")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_any_spreadsheet_ends_them(end):
    Path("list.csv").write_bytes(f"sku,photo{end}A,in/a.jpg{end}B,in/b.jpg{end}".encode())
    assert [job.sku for job in plan_batch("list.csv", "out", Look())] == ["A", "B"]


def test_scene_stands_in_a_cell():
    """Several times the 131,072 characters that Python's csv takes by default."""
    scene = base64.b64encode(bytes(600_000)).decode()
    (job,) = manifest(f'sku,photo,look\nA,in/a.jpg,"{{""scene"": ""{scene}""}}"\n')
    assert job.look.scene == bytes(600_000)


def test_photos_stand_beside_their_manifest():
    Path("deep").mkdir()
    (job,) = manifest("sku,photo\nR-1,a.jpg\n", "deep/list.csv")
    assert job.photo == "deep/a.jpg"


WRONG = [
    ("sku,photo\nA,a.jpg\nA,b.jpg\n", "line 3: sku 'A' is also on line 2"),
    ("sku,photo\nA,a.jpg\na,b.jpg\n", "line 3: its picture out/a.jpg is that of line 2"),
    ("sku,photo\n../A,a.jpg\n", "line 2: sku '../A' cannot name a file"),
    ("sku,photo\n,a.jpg\n", "line 2: sku is missing"),
    ("sku,photo,colour\nA,a.jpg,red\n", "line 2: unknown field colour"),
    ("sku,photo,preset\nA,a.jpg,nobody\n", "line 2: no preset 'nobody'"),
    ('sku,photo,look\nA,a.jpg,"{""fill"": 3}"\n', "line 2: bad look: fill"),
    ("sku,photo,look\nA,a.jpg,red\n", "line 2: look is not JSON"),
    ("sku,photo,look\nA,a.jpg,[1]\n", "line 2: look is not a JSON object"),
    ("sku,photo,priority\nA,a.jpg,soon\n", "line 2: priority is 'soon'"),
    ("sku,photo\nA,a.jpg,b,c\n", "line 2: more cells"),
    ("sku,photo\nA.jpg/B,b.jpg\na,a.jpg\n", "line 2: its folder is the picture of line 3"),
    (f"sku,photo\nA,a.jpg\n{86 * '環'},b.jpg\n", "環.jpg, 262 bytes of at most 255; shorten the sku"),
    (
        f"sku,photo\nA,a.jpg\n{'r' * 252},b.jpg\n",
        "line 3: its picture would be named rrrrrrrrrrrrrrrrrrrrrrrr...rrrr.jpg",
    ),
    (f"sku,photo\n{'r' * 256}/A,a.jpg\n", "256 bytes of at most 255"),
    ("sku,photo\nA,a.jpg\nB," + "b" * 16_000_001, "line 3: field larger than field limit"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_row_is_named(text, said):
    with pytest.raises(ValueError, match=r"list\.csv, ") as raised:
        manifest(text)
    assert said in str(raised.value)


@pytest.mark.parametrize("out", ["in", "./in/../in", "link", "file://in"])
def test_picture_that_would_replace_a_photo_is_refused(out):
    """Also the photo of another row, and however the folder is written."""
    Path("link").symlink_to("in")
    Path("list.csv").write_text("sku,photo\nb,in/a.jpg\nother,in/b.jpg\n")
    with pytest.raises(ValueError, match=r"list\.csv, line 2: its picture would replace the photo .*b\.jpg"):
        plan_batch("list.csv", out, Look())


def test_folder_behind_a_link_is_not_written_into():
    Path("link").symlink_to("in")
    with pytest.raises(ValueError, match=r"would replace the photo link/a\.jpg"):
        plan_batch("in", "link", Look())


def test_a_name_that_is_no_text_is_told_before_the_run_starts():
    Path(os.fsdecode(b"in/r\xe9sille.jpg")).write_bytes(b"a photo")
    with pytest.raises(ValueError, match=r"b'in/r\\xe9sille\.jpg': the file's name is not UTF-8; rename it"):
        plan_batch("in", "out", Look())


def test_a_photo_whose_picture_has_no_room_for_its_name_is_told_before_the_run_starts():
    """A JPEG of 255 bytes of name makes a WebP of 256; an object's name may be longer."""
    Path(f"in/{83 * '環'}xx.jpg").write_bytes(b"a photo")
    assert len(plan_batch("in", "out", Look())) == 4
    with pytest.raises(ValueError, match=r"環xx\.jpg: its picture .*環xx\.webp, 256 bytes of at most 255; rename"):
        plan_batch("in", "out", Look(format="webp"))
    assert len(plan_batch("in", "s3://shop/white", Look(format="webp"))) == 4


def test_object_that_would_be_replaced_is_named():
    Path("list.csv").write_text("sku,photo\nA,s3://shop/A.jpg\n")
    with pytest.raises(ValueError, match=r"line 2: its picture would replace the photo s3://shop/A\.jpg"):
        plan_batch("list.csv", "s3://shop/", Look())


@pytest.fixture(scope="module")
def s3():
    """A real S3 server on this machine: moto's, in a process of its own; yields its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def bucket(s3, monkeypatch):
    """An empty bucket that fsspec finds as a user's would be found: by the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    system = s3fs.S3FileSystem()
    if system.exists("shop"):
        system.rm("shop", recursive=True)
    system.mkdir("shop")
    return system


def test_bucket_to_bucket_and_back(bucket, script):
    for name in ("rings/a.jpg", "rings/deep/b.jpg", "rings/._a.jpg", "rings/notes.txt"):
        bucket.pipe_file(f"shop/{name}", name.encode())
    script.refused = {b"rings/deep/b.jpg": "bad image: truncated"}
    with Journal(Path("run")) as journal:
        journal.plan(plan_batch("s3://shop/rings", "s3://shop/white", Look()))
        details = {job.sku: detail for job, detail in go_on(journal, [script.address], reports=True)}
    assert set(details) == {"s3://shop/rings/a.jpg", "s3://shop/rings/deep/b.jpg"}
    assert store.found("s3://shop/white") == ["s3://shop/white/a.jpg", "s3://shop/white/a.json"]
    assert store.read("s3://shop/white/a.jpg") == b"rings/a.jpg"[::-1]


def test_manifest_and_photos_in_a_bucket_pictures_here(bucket, script):
    bucket.pipe_file("shop/list.csv", b"sku,photo\nR-1,rings/a.jpg\nR-2,rings/gone.jpg\n")
    bucket.pipe_file("shop/rings/a.jpg", b"ring")
    with Journal(Path("run")) as journal:
        journal.plan(plan_batch("s3://shop/list.csv", "file://" + str(Path("out").absolute()), Look()))
        details = {job.sku: detail for job, detail in go_on(journal, [script.address])}
    assert Path("out/R-1.jpg").read_bytes() == b"gnir"
    assert details["R-2"]["kind"] == "BadImage"
    assert "s3://shop/rings/gone.jpg" in details["R-2"]["cause"]


def test_folder_here_pictures_in_a_bucket(bucket, script):
    with Journal(Path("run")) as journal:
        journal.plan(plan_batch("in", "s3://shop/white", Look()))
        list(go_on(journal, [script.address]))
    assert store.found("s3://shop/white") == [f"s3://shop/white/{name}.jpg" for name in ("a", "b.jpg", "b.png")]


def test_bucket_without_credentials_is_an_unreadable_file(s3, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # one of another test's has its credentials
    for read in (lambda: store.read("s3://shop/a.jpg"), lambda: plan_batch("s3://shop/in", "out", Look())):
        with pytest.raises(OSError, match=r"s3://shop/.*: NoCredentialsError: Unable to locate credentials"):
            read()
    s3fs.S3FileSystem.clear_instance_cache()


def test_unknown_scheme_says_what_to_install():
    with pytest.raises(OSError, match=r"ftpx://.*'\.\[cloud\]'"):
        store.read("ftpx://host/a.jpg")
