"""Fetch photographs, textures, light maps and a hand into `training/.assets`: `python -m training.fetch_assets`.

Debian packages are only unpacked, not installed; licences stand in `training/ASSETS.md`.
"""

from __future__ import annotations

import base64
import subprocess
import tarfile
from pathlib import Path

ASSETS = Path(__file__).parent / ".assets"
DEBIAN = ("supertuxkart-data", "plasma-workspace-wallpapers", "gnome-backgrounds", "mate-backgrounds",
          "lomiri-wallpapers", "ukui-wallpapers")  # fmt: skip
NPM = "@pmndrs/assets@1.7.0"
NPM_HAND = "@webxr-input-profiles/assets@1.0.20"


def fetch_debian(package: str) -> None:
    """Download and unpack one Debian package."""
    folder = ASSETS / package
    if folder.exists():
        return
    subprocess.run(["apt-get", "download", package], cwd=ASSETS, check=True)
    (deb,) = ASSETS.glob(f"{package}_*.deb")
    subprocess.run(["dpkg", "-x", deb.name, package], cwd=ASSETS, check=True)
    deb.unlink()


def fetch_light_maps() -> None:
    """Download the HDR maps and write them as .exr files."""
    folder = ASSETS / "light"
    if folder.exists():
        return
    subprocess.run(["npm", "pack", NPM], cwd=ASSETS, check=True, stdout=subprocess.DEVNULL)
    folder.mkdir()
    (archive,) = ASSETS.glob("pmndrs-assets-*.tgz")
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.endswith(".exr.js"):
                stream = tar.extractfile(member)
                assert stream is not None
                data = stream.read().split(b"base64,", 1)[1].split(b"'", 1)[0]
                (folder / Path(member.name).name.removesuffix(".js")).write_bytes(base64.b64decode(data))
            elif member.name == "package/LICENSE":
                tar.extract(member, folder, filter="data")
    archive.unlink()


def fetch_hand() -> None:
    """Download the rigged hand mesh and its licence; the rest of the archive is thrown away."""
    folder = ASSETS / "hand"
    if folder.exists():
        return
    subprocess.run(["npm", "pack", NPM_HAND], cwd=ASSETS, check=True, stdout=subprocess.DEVNULL)
    folder.mkdir()
    (archive,) = ASSETS.glob("webxr-input-profiles-assets-*.tgz")
    with tarfile.open(archive) as tar:
        for member in ("package/dist/profiles/generic-hand/left.glb", "package/LICENSE.md"):
            stream = tar.extractfile(member)
            assert stream is not None
            (folder / Path(member).name).write_bytes(stream.read())
    archive.unlink()


def main() -> None:
    """Fetch everything that is not there yet."""
    ASSETS.mkdir(exist_ok=True)
    for package in DEBIAN:
        fetch_debian(package)
    fetch_light_maps()
    fetch_hand()


if __name__ == "__main__":
    main()
