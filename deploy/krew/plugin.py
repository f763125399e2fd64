"""Pack the plugin for krew: python plugin.py URL TAG WHEEL OUT, in the sources, with the Python that it is to run with.

For each platform it packs an archive with the launcher, the program, and what requirements.txt pins for that platform.
The manifest gets their digests.
"""

import hashlib
import string
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
LAUNCHER = "kubectl-registry_audit"
# The platforms of the manifest, and the tags of their wheels.
PLATFORMS: Mapping[str, tuple[str, ...]] = {
    "linux-amd64": ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    "linux-arm64": ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
    "darwin-arm64": ("macosx_14_0_arm64", "macosx_12_0_arm64", "macosx_11_0_arm64"),
}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def install(wheel: Path, platform: str, lib: Path) -> None:
    """Install the program and what it needs for a platform into a folder: exactly what the lock file names."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target", str(lib)]
    tags = [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
    locked = ["--no-deps", "--require-hashes", "--only-binary", ":all:", *tags, "-r", "requirements.txt"]
    subprocess.run([*pip, *locked], check=True)
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)


def pack(folder: Path, archive: Path) -> str:
    """Pack the plugin with the libraries in `folder`/lib; return the SHA-256 of the archive."""
    (folder / "python").write_text(f"{PYTHON}\n")
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(HERE / LAUNCHER, LAUNCHER)
        packed.add("LICENSE", "LICENSE")
        for name in ("python", "lib"):
            packed.add(folder / name, name)
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def manifest(url: str, tag: str, digests: Mapping[str, str]) -> str:
    """Return the manifest; `digests` by platform."""
    known = {platform.replace("-", "_").upper(): digest for platform, digest in digests.items()}
    template = string.Template((HERE / "registry-audit.yaml").read_text().partition("\n")[2])
    return template.substitute(known, URL=url, TAG=tag, PYTHON=PYTHON)


def main(url: str, tag: str, wheel: Path, out: Path) -> None:
    """Write an archive for each platform, and the manifest, into `out`."""
    digests = {}
    for platform in PLATFORMS:
        with TemporaryDirectory() as folder:
            install(wheel, platform, Path(folder) / "lib")
            digests[platform] = pack(Path(folder), out / f"registry-audit-{platform}.tar.gz")
    (out / "registry-audit.yaml").write_text(manifest(url, tag, digests))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(Path, sys.argv[3:5]))
