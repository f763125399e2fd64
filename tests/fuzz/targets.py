"""The doors of the program for strangers' data: each with seeds, and what is done with one input."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import yaml

from audit.campaigns.reading import Unreadable, rows_of
from audit.cli import run_command
from audit.collect.access_reviews import _ACCESS, _SUBJECT, _SUBJECTS, _decoded
from audit.collect.connect.connection import Response
from audit.collect.connect.credentials import login_of
from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts
from audit.collect.connect.retry import failure
from audit.collect.decode import CollectError, page_of_json
from audit.collect.run import collect_folder
from audit.collect.zones import Kubeconfig, Zone
from audit.errors import AuditError
from audit.exit_codes import EXIT_CODES
from audit.snapshot.model import encode
from audit.snapshot.objects import KINDS
from audit.usage.files import read_files
from tests.paths import DEMO, SHARED
from tests.usage.logs import log, requests
from tests.worlds.random_zones import world_of, write_dump

REFUSED: Final = (AuditError, CollectError, CredentialsError, Unreadable)  # a documented answer to an input


@dataclass(frozen=True)
class Target:
    """Seeds, and what is done with one changed input. `after` changes it again, as somebody would who packs it."""

    seeds: Callable[[Path], Sequence[bytes]]
    take: Callable[[bytes, Path], None]
    after: Callable[[bytes, Random], bytes] = lambda data, _: data


def command(*arguments: str) -> None:
    """Run a command: it ends with a documented code, and never calls an input its own bug."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        code = run_command(arguments)
    text = printed.getvalue()
    assert code in EXIT_CODES.keys() - {1, 143}, text
    assert "a bug" not in text, text
    assert "internal error: " not in text, text
    assert "Traceback" not in text, text


def written(name: str, take: Callable[[Path], None]) -> Callable[[bytes, Path], None]:
    """Give a target its input as a file of this name."""

    def take_file(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        take(path)

    return take_file


def _lists(form: str) -> Callable[[Path], list[bytes]]:
    def seeds(folder: Path) -> list[bytes]:
        dump = write_dump(world_of(3), folder / f"seed-{form}", form="yaml" if form == "yaml" else "json")
        return [path.read_bytes() for path in sorted(dump.iterdir())]

    return seeds


def _dump(form: str) -> Callable[[bytes, Path], None]:
    """One list of a dump is what was made, the others are whole."""

    def take(data: bytes, folder: Path) -> None:
        dump = folder / "dump"
        if not dump.exists():
            write_dump(world_of(3), dump)
        names = ("rolebindings", "clusterroles", "groups", "imagestreams", "namespaces", "serviceaccounts")
        name = names[len(data) % len(names)]
        aside = (dump / f"{name}.json").read_bytes()
        (dump / f"{name}.json").unlink()
        (dump / f"{name}.{form}").write_bytes(data)
        try:
            snapshot = collect_folder(dump)
            assert not any("a bug" in gap.detail or "internal error: " in gap.detail for gap in snapshot.gaps), [
                *snapshot.gaps
            ]
            others = {"roles", "clusterrolebindings"} - {name}
            assert others <= {listing.kind for listing in snapshot.listings} | {gap.kind for gap in snapshot.gaps}
            encode(snapshot)
            if len(data) % 16 == 0:
                command("can", "ann", "push", "ns-0", "--snapshot", str(dump))
        finally:
            (dump / f"{name}.{form}").unlink()
            (dump / f"{name}.json").write_bytes(aside)

    return take


def _archives(folder: Path) -> list[bytes]:
    dump = write_dump(world_of(3), folder / "seed-archive")
    made = []
    for mode in ("w", "w:gz", "w:xz"):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode) as archive:
            archive.add(dump, "dump")
        made.append(file.getvalue())
    shutil.make_archive(str(folder / "seed"), "zip", dump)
    return [*made, (folder / "seed.zip").read_bytes()]


def _answers(name: str) -> Callable[[bytes, Path], None]:
    def take(data: bytes, folder: Path) -> None:
        with suppress(Unreadable):
            rows_of(folder / name, data)

    return take


def _workbooks(_: Path) -> list[bytes]:
    from openpyxl import Workbook

    book, file = Workbook(), io.BytesIO()
    sheet = book.create_sheet("answers")
    for row in (["id", "decision", "decided by"], ["1", "keep", "ann"], ["2", "remove", "=1+1"]):
        sheet.append(row)
    book.save(file)
    return [file.getvalue()]


def _snapshots(folder: Path) -> list[bytes]:
    return [gzip.decompress(encode(collect_folder(write_dump(world_of(seed), folder / f"s{seed}")))) for seed in (3, 5)]


def _packed(data: bytes, random: Random) -> bytes:
    return gzip.compress(data, 1) if random.random() < 0.9 else data


def _manifests(folder: Path) -> list[bytes]:
    dump = write_dump(world_of(3), folder / "seed-run")
    command("report", "--snapshot", str(dump), "--out", str(folder / "runs"), "--format", "csv")
    return [next(folder.glob("runs/2*/manifest.json")).read_bytes()]


def _manifest(data: bytes, folder: Path) -> None:
    run = next(folder.glob("runs/2*"))
    (run / "manifest.json").write_bytes(data)
    (run / "manifest.sha256").write_text(f"{hashlib.sha256(data).hexdigest()}  manifest.json\n")
    command("check-evidence", str(folder / "runs"))


def _logs(_: Path) -> list[bytes]:
    made = [b"\n".join(log(requests(Random(seed))) * 2) for seed in range(3)]
    recorded = SHARED / "data" / "registry-zone"
    files = sorted(path for path in recorded.rglob("*") if path.is_file()) if recorded.exists() else []
    return [*made, *(path.read_bytes()[:20_000] for path in files[:20])]


def _kubeconfig(path: Path) -> None:
    with suppress(CredentialsError):
        contexts = KubeContexts(path)
        for context in contexts:
            with suppress(CollectError):
                login_of(Zone("z", credentials=Kubeconfig(path, context.name)), lambda: 1.0)


class _Trusting:
    """A connection that repeats nothing."""

    def refuse_repeated(self, values: bytes) -> None:
        pass


def _response(data: bytes, _: Path) -> None:
    for kind in (KINDS["rolebindings"], KINDS["clusterroles"], KINDS["groups"], KINDS["tokens"]):
        with suppress(CollectError):
            msgspec.json.encode(page_of_json(kind, data))
    for decoder in (_ACCESS, _SUBJECT, _SUBJECTS):
        with suppress(CollectError):
            _decoded(_Trusting(), Response(200, {}, data), decoder)  # type: ignore[arg-type, misc]
    failure(Response(403, {"Retry-After": data[:40].decode("latin-1"), "Date": data[40:80].decode("latin-1")}, data))


def _texts(*texts: str) -> Callable[[Path], list[bytes]]:
    return lambda _: [text.encode() for text in texts]


_CONFIG: Final = """
zones:
  - {id: a, api: "https://a.example:6443", registry: r.example, credentials: {token_env: HOME}, proxy: "http://p:3128"}
  - {id: b, credentials: {context: c}}
namespaces: {include: {names: ["team-*"], labels: {a: b}}, exclude: {names: [x]}}
output: {directory: out, formats: [csv, html], csv: {delimiter: ";"}, reports_by: [zone]}
collect: {zones_at_once: 4, timeout_seconds: 1.5, page_size: 10, retries: 0, stale_days: 1}
checks: {empty-group: {enabled: false}, token-old: {severity: high, thresholds: {days: 3}}}
platform: {namespaces: [p], subjects: ["user/x"]}
evidence: {keep_days: 5}
fail_on: high
metrics: {job: x, pushgateway: "http://p:9091"}
notify: {timeout_seconds: 3, channels: [{name: n, file: m.json}]}
"""
_KUBECONFIG: Final = """
apiVersion: v1
kind: Config
current-context: c
clusters:
  - name: k
    cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: eA==, proxy-url: "http://u:p@h:1"}
users:
  - {name: u, user: {token: abcdefgh, as: x, as-groups: [g], as-user-extra: {k: [v]}}}
  - {name: v, user: {username: n, password: p}}
  - name: w
    user: {client-certificate-data: eA==, client-key-data: eA==, auth-provider: {name: oidc, config: {id-token: a.b.c}}}
contexts:
  - {name: c, context: {cluster: k, user: u}}
  - {name: d, context: {cluster: k, user: v}}
  - {name: e, context: {cluster: k, user: w}}
"""
_QUESTIONS: Final = (
    "zone,subject_kind,subject,action,namespace,repository\ndump,User,ann,push,ns-0,web\ndump,,x,pull,*,*\n"
)
_ANSWERED: Final = (
    "id,decision,until,decided by,decided on,why\n1,keep,2026-12-01,ann,2026-01-01,because\n2,remove,,bob,,\n"
)
_ANSWERS_YAML: Final = "decisions:\n  - {id: a1, decision: keep, until: 2026-12-01, decided by: ann, why: because}\n"
_STATUS: Final = '{"kind":"Status","message":"m","code":403}'
_EXCEPTIONS: Final = """
exceptions:
  - {check: empty-group, zone: a, namespace: "team-*", reason: because, until: 2027-01-01, who: ann}
"""


def _questions(path: Path) -> None:
    dump = path.parent / "dump"
    if not dump.exists():
        write_dump(world_of(3), dump)
    command("can", "--questions", str(path), "--snapshot", str(dump))


def _exceptions(path: Path) -> None:
    config = path.parent / "with-exceptions.yaml"
    config.write_text(yaml.safe_dump({"zones": [{"id": "a", "source": {"dump": "."}}], "exceptions": str(path)}))
    command("config", "check", "--config", str(config))


def _demo_lists(_: Path) -> Iterator[bytes]:
    for path in sorted((DEMO / "demo-1").glob("*.gz")):
        yield json.dumps(json.loads(gzip.decompress(path.read_bytes())))[:50_000].encode()


def _loaded(path: Path) -> None:
    command("can", "ann", "push", "ns-0", "--snapshot", str(path))


TARGETS: Final[dict[str, Target]] = {
    "dump": Target(lambda folder: [*_lists("json")(folder), *_demo_lists(folder)], _dump("json")),
    "yaml dump": Target(_lists("yaml"), _dump("yaml")),
    "archive": Target(_archives, written("x.tar.gz", lambda path: [collect_folder(path)].clear())),
    "configuration": Target(
        _texts(_CONFIG), written("c.yaml", lambda path: command("config", "check", "--config", str(path)))
    ),
    "exceptions": Target(_texts(_EXCEPTIONS), written("exceptions.yaml", _exceptions)),
    "kubeconfig": Target(_texts(_KUBECONFIG), written("kubeconfig", _kubeconfig)),
    "questions": Target(_texts(_QUESTIONS), written("questions.csv", _questions)),
    "answers as CSV": Target(_texts(_ANSWERED), _answers("a.csv")),
    "answers as YAML": Target(_texts(_ANSWERS_YAML), _answers("a.yaml")),
    "workbook": Target(_workbooks, _answers("a.xlsx")),
    "snapshot": Target(_snapshots, written("z.snapshot", _loaded), _packed),
    "log": Target(_logs, written("registry.log", lambda path: [read_files([path], 1)].clear())),
    "manifest": Target(_manifests, _manifest),
    "response": Target(
        lambda folder: [*_lists("json")(folder), b'{"kind":"Status","message":"m","code":403}'], _response
    ),
}
