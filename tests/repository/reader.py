"""A reader of the documents: their commands, and a machine on which these work, with a zone that is simulated."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from tests.collect.test_route import Proxy
from tests.paths import ROOT
from tests.simulator.kinds import KINDS
from tests.simulator.server import SimulatedZone
from tests.usage.logs import Request, log
from tests.worlds.random_zones import furnished, write_dump
from tests.worlds.small import PUSH, account, bind, namespace, role, stream, user, world

DOCS: Final = sorted(ROOT.glob("docs/*.md"))
_BLOCK: Final = re.compile(
    r"^( *)(?:<!-- (?:needs (?P<needs>.*?)|with .*?|output) -->\n *)?```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL
)
PASSWORD: Final = "known to the reader"

WORLD: Final = furnished(
    world(
        *(namespace(name) for name in ("shop", "my-namespace")),
        role("", "pushers", PUSH),
        bind("shop", "ci", "pushers", ("ServiceAccount", "shop:ci")),
        bind("shop", "ann", "pushers", ("User", "ann")),
        account("shop", "ci"),
        stream("shop", "web"),
        *(user(name) for name in ("ann", "cara", "dan", "dora", "platform-lead")),
    )
)
ROLE_BINDING: Final = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ci}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: ci}]
"""

# What `oc login` leaves, what lists and logs say; `helm` renders a chart, `logcli` and `duckdb` print.
OC: Final = """\
import json, os, pathlib, shutil, sys
home = pathlib.Path(os.environ["HOME"])
match sys.argv[1:]:
    case ["login", address]:
        about = json.loads((home / "login.json").read_text())
        cluster = {"server": address, "tls-server-name": "localhost", **about["cluster"]}
        names = ("default/my-zone/ann", "my-context")
        (home / "kubeconfig").write_text(json.dumps({
            "current-context": names[0],
            "clusters": [{"name": "zone", "cluster": cluster}],
            "users": [{"name": "ann", "user": {"token": about["token"]}}],
            "contexts": [{"name": name, "context": {"cluster": "zone", "user": "ann"}} for name in names],
        }))
    case ["get", kind, "-A", "-o", "json"]:
        print((home / "lists" / f"{kind}.json").read_text())
    case ["logs", *_]:
        print((home / "registry.log").read_text())
    case other:
        sys.exit(f"oc: unknown: {other}")
"""
MINISIGN: Final = """\
import pathlib, sys
from minisign import KeyPair, PublicKey, Signature
words = sys.argv[1:]
given = dict(zip(words[1::2], words[2::2]))
if words[0] == "-G":
    pair = KeyPair.generate()
    pair.secret_key.encrypt("%s")
    pathlib.Path(given["-s"]).write_bytes(bytes(pair.secret_key))
    pathlib.Path(given["-p"]).write_bytes(bytes(pair.public_key))
else:
    data = pathlib.Path(given["-m"]).read_bytes()
    signature = Signature.from_file(given["-m"] + ".minisig")
    PublicKey.from_file(given["-p"]).verify(data, signature)
"""
TOOLS: Final = {
    "oc": OC,
    "minisign": MINISIGN % PASSWORD,
    "helm": f"print({ROLE_BINDING!r})",
    "logcli": "import os; print(open(os.path.expanduser('~/registry.jsonl')).read())",
    "duckdb": "import duckdb, sys; print(duckdb.sql(sys.argv[2]))",
}


class Block(NamedTuple):
    """Commands of one block; `needs` is why it is not carried out, empty for those that are."""

    needs: str
    script: str


def blocks(path: Path) -> list[Block]:
    """Return the blocks of commands in a document, without the output that they show."""
    found = []
    for one in _BLOCK.finditer(path.read_text()):
        lines = [line.removeprefix(one[1]) for line in one[3].splitlines()]
        assert lines[0].startswith("$ "), path
        found.append(Block(one["needs"] or "", "\n".join(_commands(lines)) + "\n"))
    return found


def _commands(lines: list[str]) -> Iterator[str]:
    """Yield the commands of a block, with here-documents, quotes that go on, and none of the output."""
    end, quoted = "", False
    for line in lines:
        if line.startswith("$ ") or end or quoted:
            command = line if end or quoted else line[2:]
            yield command
            if end:
                end = "" if command == end else end
            elif heredoc := re.search(r"<<'(\w+)'$", command):
                end = heredoc[1]
            else:
                quoted ^= command.count('"') % 2 == 1


def example(name: str, key: str) -> str:
    """Return the first YAML example with a key in a document."""
    texts: list[str] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    return next(text for text in texts if key in yaml.safe_load(text))


@dataclass(frozen=True)
class Machine:
    """A reader's machine: the folder in which they work, and their environment."""

    folder: Path
    environment: Mapping[str, str]

    def carry_out(self, script: str, accepted: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Carry out commands as a reader types them; `accepted` are exit codes of the program that are not failures."""
        wrong = " && ".join(f"test $code -ne {code}" for code in (0, *accepted))
        wrapped = 'registry-audit() { code=0; command registry-audit "$@" || code=$?; if %s; then return $code; fi; }\n'
        path = self.folder.parent / "script"
        path.write_text(f"set -euo pipefail\n{wrapped % wrong}{script}")
        return subprocess.run(
            ["bash", str(path)],
            input=f"{PASSWORD}\n",
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def machine(top: Path, **options: Any) -> Iterator[Machine]:
    """Give a machine from which a zone can be reached under any name; `options` are those of the zone."""
    home, tools, folder = top / "home", top / "tools", top / "here"
    for path in (home, tools, folder):
        path.mkdir()
    for name, text in TOOLS.items():
        (tools / name).write_text(f"#!{sys.executable}\n{text}")
        (tools / name).chmod(0o755)
    write_dump(WORLD, home / "lists", kinds=[kind for kind in WORLD if kind in KINDS])
    lines = b"\n".join(log([Request("ann", "push", "shop", "web", datetime.now(UTC) - timedelta(days=20))])).decode()
    (home / "registry.log").write_text(lines)
    (home / "registry.jsonl").write_text("\n".join(json.dumps({"line": line}) for line in lines.splitlines()))
    with SimulatedZone(WORLD, top / "zone", **options) as zone, closing(Proxy(zone.port)) as proxy:
        cluster = {"certificate-authority": str(zone.ca_file), "proxy-url": f"http://{proxy.address}"}
        (home / "login.json").write_text(json.dumps({"cluster": cluster, "token": zone.token}))
        programs = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        # Tracing would more than double the time of each command.
        ours = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        environment = {**ours, "PATH": programs, "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig")}
        yield Machine(folder, environment)
