"""Pack what a GPU machine without a registry needs into pieces that fit one call each, in order of use.

`python3 -m perf.pieces` fills `.pieces/` with parts of archives: CPython 3.12 with its libpython and a virtual
environment, both unpacked there at the paths that they have here; and, for `training/on_gpu.sh`, Mitsuba with the LLVM
that it compiles by, pictures and renders. There `python3 -m perf.pieces --unpack` unpacks an archive, and removes its
parts, once all of them have come. Standard library only, but for the pictures. See docs/gpu-checks.md.
"""

from __future__ import annotations

import argparse
import fnmatch
import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from perf.provenance import ROOT

PIECES = ROOT / ".pieces"
FOLDER = Path("/tmp/milgrain-gpu")
VENV, LIBRARIES, TRACE = FOLDER / "venv", FOLDER / "lib", FOLDER / "trace"
CALL = 62 * 2**20
"""Bytes of one call, of 64 MiB: the working tree and one part."""
LLVM = Path("/usr/lib/x86_64-linux-gnu/libLLVM-19.so")

LAYERS = {
    "kernels": ("-e", ".", "numpy<2", "opencv-python-headless<4.12", "pillow", "cupy-cuda13x==13.6.0", "onnx", "pytest",
                "pytest-timeout"),
    "codecs": ("simplejpeg", "nvidia-nvimgcodec-cu13[nvjpeg]"),
    "engine": ("numpy<2", "onnxruntime-gpu==1.31.1"),
    "triton": ("-e", ".[stages,bench]"),
    "pytriton": ("--no-deps", "nvidia-pytriton==0.7.0"),
    "dali": ("nvidia-dali-cuda130", "numpy<2"),
    "trace": ("--no-deps", "--target", str(TRACE), "mitsuba", "drjit"),
}  # fmt: skip
"""What pip installs, and the archive that holds what is new then. The machine's own Python traces: it has the rest.
TensorRT is missing: PyPI has no wheels of it."""
DATA = {
    "assets": ("training/.assets/small/*", "training/.assets/light/*", "training/.assets/hand/*"),
    "renders": ("training/.data/*.photo.jpg", "training/.data/*.answer.png", "training/.data/*.json"),
}
"""Files to train on, unpacked in the checkout."""
SKIPPED = (
    "*/__pycache__/*", "*/tests/*", "*.a", "*.pyi", "*/onnx/backend/test/*",
    "*/lib/python3.12/config-*", "*/lib/python3.12/idlelib/*", "*/lib/python3.12/test/*", "*/3.12.*/share/*",
    "*/3.12.*/include/*", "*/3.12.*/lib/python3.12/site-packages/*", "*/3.12.*/lib/python3.12/ensurepip/*",
    "*.cpython-39-*", "*.cpython-31[0134]*", "*.cpython-315*", "*/nvidia/*/include/*", "*/nvidia/dali/test/*",
    "*/nvidia/dali/libdali_operators_test*", "*/extensions/libnvtiff_ext*", "*/extensions/libnvjpeg2k_ext*",
    "*/openvino/include/*", "*/libopenvino_intel_[gn]pu_plugin.so", "*/onnxruntime/transformers/*",
    "*/libonnxruntime_providers_tensorrt.so", "*/python_backend_stubs/3.[89]/*", "*/python_backend_stubs/3.1[013]/*",
    "*/mitsuba/include/*", "*/drjit/include/*", "*/mitsuba/*_mono*", "*/mitsuba/*_spectral*", "*/mitsuba/*_polarized*",
)  # fmt: skip
"""What nothing here reads, by path."""


def entries(*folders: Path) -> set[Path]:
    """Return every file and link under the folders that travels."""
    found = (path for folder in folders for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {path for path in found if not any(fnmatch.fnmatch(str(path), pattern) for pattern in SKIPPED)}


def libraries(*programs: Path) -> Iterator[Path]:
    """Return the system's libraries that programs load, but for those of glibc and of the compiler."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    system = re.compile(r"(ld-linux|lib(c|m|dl|rt|pthread|util|resolv|stdc\+\+|gcc_s|python))[-.\d]")
    paths = {Path(path) for path in re.findall(r"=> (/(?:usr/)?lib/\S+)", said)}
    return (path for path in paths if not system.match(path.name))


def room() -> int:
    """Return the bytes of a part: what the working tree, which every call carries, leaves of a call."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    return CALL - sum((ROOT / name).stat().st_size for name in names if name)


def small(picture: Path) -> bytes:
    """Return a picture as WebP: a sixth of its bytes. Whoever opens it goes by its content, not by its name."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(picture).save(out, "WEBP", quality=90)
    return out.getvalue()


def pack(name: str, files: set[Path], top: Path) -> None:
    """Write files, named as seen from `top`, as `.pieces/NAME.1-of-M` and so on; XZ_OPT tells xz how hard to try."""
    whole = PIECES / name
    with whole.open("wb") as out:
        xz = subprocess.Popen(["xz", "-T0", "-c"], stdin=subprocess.PIPE, stdout=out)
        with tarfile.open(fileobj=xz.stdin, mode="w|") as tar:
            for path in sorted(files):
                info = tar.gettarinfo(path, str(path.relative_to(top)))
                data = small(path) if path.match(".assets/small/*") else path.read_bytes() if info.isreg() else b""
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        assert xz.stdin
        xz.stdin.close()
        if xz.wait():
            raise SystemExit(f"xz failed on {name}")
    size, most = whole.stat().st_size, room()
    count = -(-size // most)
    with whole.open("rb") as data:
        for part in range(count):
            (PIECES / f"{name}.{part + 1}-of-{count}").write_bytes(data.read(-(-size // count)))
    whole.unlink()
    print(f"{name}: {size / 2**20:.1f} MiB in {count}", flush=True)


def make(python: str, wanted: Sequence[str]) -> None:
    """Install layer by layer, and pack what each adds, where it is wanted."""
    asked = "import sys, sysconfig; print(sys.base_prefix, sysconfig.get_config_var('INSTSONAME'))"
    prefix, library = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    if library != "libpython3.12.so.1.0":
        raise SystemExit(f"{python} is no CPython 3.12 built with --enable-shared, which Triton's stub loads")
    if "trace" in wanted and not LLVM.exists():
        raise SystemExit(f"no {LLVM}: apt-get install libllvm19")
    for folder in (FOLDER, PIECES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    LIBRARIES.mkdir()
    subprocess.run([python, "-m", "venv", "--without-pip", VENV], check=True)
    base = Path(prefix)
    for path in libraries(*(base / "lib/python3.12/lib-dynload").glob("*.so")):
        shutil.copy(path, LIBRARIES)
    known: set[Path] = set()
    for name, packages in LAYERS.items():
        pip = [python, "-m", "pip", "--python", VENV / "bin/python", "install", "--quiet", "--no-compile"]
        subprocess.run([*pip, *packages], cwd=ROOT, check=True)
        if name == "trace":
            for path in (LLVM, *libraries(LLVM)):
                (TRACE / "lib").mkdir(exist_ok=True)
                shutil.copy(path, TRACE / "lib")
        now = entries(FOLDER, base)
        if name in wanted:
            pack(name, now - known, Path("/"))
        known = now
    for name, patterns in DATA.items():
        files = {path for pattern in patterns for path in ROOT.glob(pattern)}
        if name in wanted and files:
            pack(name, files, ROOT)


def unpack() -> None:
    """Unpack every archive of which all parts are here, and remove the parts."""
    for first in sorted(PIECES.glob("*.1-of-*")):
        name, _, count = first.name.partition(".1-of-")
        parts = [PIECES / f"{name}.{part + 1}-of-{count}" for part in range(int(count))]
        if all(part.exists() for part in parts):
            whole = PIECES / name
            with whole.open("wb") as out:
                for part in parts:
                    out.write(part.read_bytes())
            with tarfile.open(whole, "r:xz") as tar:
                tar.extractall(ROOT if name in DATA else "/", filter="fully_trusted")
            for path in (whole, *parts):
                path.unlink()
            print(f"unpacked {name}", flush=True)


def main() -> None:
    """Make the pieces, or unpack those that came."""
    names = [*LAYERS, *DATA]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unpack", action="store_true", help="there: unpack what is complete")
    parser.add_argument("--python", default="python3.12", help="CPython 3.12 with a shared libpython")
    parser.add_argument("--only", nargs="*", default=names, choices=names, help="pack no others")
    options = parser.parse_args()
    unpack() if options.unpack else make(options.python, options.only)


if __name__ == "__main__":
    sys.exit(main())
