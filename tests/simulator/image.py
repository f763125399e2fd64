"""The image without an engine: the build steps of the Containerfile in a folder, and a pod made of what they leave."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.paths import ROOT

HOME = "/opt/registry-audit"
USER = 1_234_567  # no user of this machine, as OpenShift gives them
_KUBECTL = Path(sys.executable).parent / "kubectl"
# What the base image has: libraries, and the authorities of the system.
_OF_THE_BASE = ("/usr/lib", "/etc/ssl", "/usr/share/ca-certificates")
_SOURCES = ("audit", "reports", "pyproject.toml", "README.md", "LICENSE", "requirements.txt")


def instructions() -> list[tuple[str, str]]:
    """Return the Containerfile's instructions: the word, and what follows."""
    text = (ROOT / "Containerfile").read_text()
    lines = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    return [(one[1], one[2]) for one in re.finditer(r"^([A-Z]+) (.*)$", lines.replace("\\\n", ""), re.MULTILINE)]


def built(shared: Path) -> Path:
    """Return the folder that the image has at HOME, made by the Containerfile's own RUN lines; once for all workers."""
    shared.mkdir(parents=True, exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = shared / "home"
        if not (shared / "done").exists():
            _build(shared / "src", shared / "build", home)
            (shared / "done").touch()
    return home


def _build(sources: Path, build: Path, home: Path) -> None:
    sources.mkdir()
    for name in _SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, sources / name)
    for name in ("build.txt", "finish.sh", "bill.py"):
        shutil.copy(ROOT / "deploy/image" / name, sources)
    for word, rest in instructions():
        if word == "RUN":
            step = (
                rest.replace("/build", str(build))
                .replace(HOME, str(home))
                .replace("python -m venv", f"{sys.executable} -m venv")
            )
            subprocess.run(["sh", "-euc", step], cwd=sources, check=True, stdin=subprocess.DEVNULL)


@dataclass
class Pod:
    """One pod of what kustomize makes of `way`: its command, variables, mounts and rights.

    `volumes` says what is mounted for the volume of each name, `variables` what a Secret of `envFrom` holds.
    """

    home: Path
    folder: Path
    way: str
    volumes: Mapping[str, Path]
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        done = subprocess.run(
            [str(_KUBECTL), "kustomize", str(ROOT / "deploy/kustomize" / self.way)], capture_output=True, check=True
        )
        (cron,) = (
            one
            for one in yaml.safe_load_all(done.stdout)
            if (one["kind"], one["metadata"]["name"]) == ("CronJob", "registry-audit")
        )
        self.job: dict[str, Any] = cron["spec"]["jobTemplate"]["spec"]
        (self.container,) = self.job["template"]["spec"]["containers"]
        self.last_words = self.folder / "termination-log"

    def start(self) -> subprocess.Popen[str]:
        """Start it: another root that is read-only, no home, no terminal, no shell, and no rights of this user."""
        root = self.folder / "root"
        base = Path(sys.base_prefix)
        fixed = {HOME: self.home} | {str(one): one for one in (*map(Path, _OF_THE_BASE), base)}
        shown = {**fixed, "/proc": Path("/proc")}
        for mount in self.container["volumeMounts"]:
            shown[mount["mountPath"]] = self.volumes[mount["name"]]
        script = [f"mount --bind '{root}' '{root}'"]
        for place, source in shown.items():
            (root / place.strip("/")).mkdir(parents=True, exist_ok=True)
            script.append(f"mount --rbind '{source}' '{root}{place}'")
            if place in fixed or self._read_only(place):
                script.append(f"mount -o remount,ro,bind '{root}{place}'")
        for name, target in (("lib", "usr/lib"), ("lib64", "usr/lib64")):
            if not (root / name).is_symlink():
                (root / name).symlink_to(target)
        (root / "usr/lib64").mkdir(exist_ok=True)
        script.append(f"mount --bind -o ro /usr/lib64 '{root}/usr/lib64'")
        script += self._devices(root)
        script.append(f"mount -o remount,ro,bind '{root}'")
        entry = next(yaml.safe_load(rest) for word, rest in instructions() if word == "ENTRYPOINT")
        words = " ".join(f"'{word}'" for word in [*entry, *self.container["args"]])
        script.append(f"exec /usr/sbin/chroot --userspec={USER}:0 --groups= '{root}' {words}")
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-euc", "\n".join(script)],
            env={"PATH": os.defpath, **self._environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _devices(self, root: Path) -> list[str]:
        self.last_words.touch()
        self.last_words.chmod(0o666)
        (root / "dev").mkdir(exist_ok=True)
        for name in ("null", "urandom", "termination-log"):
            (root / "dev" / name).touch()
        words = f"mount --bind '{self.last_words}' '{root}/dev/termination-log'"
        return [words, *(f"mount --bind /dev/{name} '{root}/dev/{name}'" for name in ("null", "urandom"))]

    def _read_only(self, place: str) -> bool:
        return any(one["mountPath"] == place and one.get("readOnly") for one in self.container["volumeMounts"])

    def _environment(self) -> dict[str, str]:
        given = {one["name"]: one["value"] for one in self.container["env"]}
        of_image = dict(pair.split("=", 1) for word, rest in instructions() if word == "ENV" for pair in rest.split())
        return {**of_image, **given, **(self.variables if "envFrom" in self.container else {})}
