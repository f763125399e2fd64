"""The head record: that the newest runs were removed is found, and what of the record itself was changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from minisign import KeyPair

from audit.cli import run_command
from audit.errors import UsageError
from audit.job import plan as run_plan
from audit.runs.check import EvidenceResult, check_evidence
from audit.runs.head import HEAD, decode_head, head_record, load_head
from audit.runs.signing import Signer, Verifier
from audit.snapshot.model import encode
from audit.storage.store import LATEST, Store
from tests.worlds.clock import clock
from tests.worlds.small import BOUND
from tests.worlds.snapshots import snapshot_of

DAYS = (1, 2, 3, 4)


def run_of(runs: Path, day: int) -> Path:
    return runs / f"2026030{day}T040000Z"


@pytest.fixture(scope="module", name="keys")
def keys_fixture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A secret and a public key."""
    folder, pair = tmp_path_factory.mktemp("keys"), KeyPair.generate()
    (folder / "secret").write_bytes(bytes(pair.secret_key))
    (folder / "public").write_bytes(bytes(pair.public_key))
    return folder / "secret", folder / "public"


@pytest.fixture(scope="module", name="written")
def written_fixture(tmp_path_factory: pytest.TempPathFactory, keys: tuple[Path, Path]) -> Path:
    """Four signed runs, and the head record as it was after each, beside them."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "one.snapshot").write_bytes(encode(snapshot_of(BOUND, zone="one")))
    command = ["report", "-s", str(folder / "one.snapshot"), "-o", str(folder / "runs"), "-f", "csv"]
    with pytest.MonkeyPatch.context() as patch:
        for day in DAYS:
            patch.setattr(run_plan, "datetime", clock(day))
            assert run_command([*command, "--sign-key", str(keys[0])]) == 0
            shutil.copy(folder / "runs" / HEAD, folder / f"head-{day}.json")
    return folder


@pytest.fixture(name="runs")
def runs_fixture(written: Path, tmp_path: Path) -> Path:
    """A copy of the runs that a test may spoil."""
    return Path(shutil.copytree(written / "runs", tmp_path / "runs", symlinks=True))


def removed(runs: Path, *days: int) -> None:
    """Remove the newest runs, as somebody who knows how the others are checked: `latest` leads to the rest."""
    for day in days:
        shutil.rmtree(run_of(runs, day))
    (runs / LATEST).unlink()
    (runs / LATEST).symlink_to(run_of(runs, min(days) - 1).name)


def problems(checked: EvidenceResult) -> list[str]:
    return [what for where, what in checked.problems if where in {HEAD, "--head"}]


def test_whole_runs_have_a_head_record_that_holds(runs: Path, keys: tuple[Path, Path], written: Path) -> None:
    """Signed as the runs are; each earlier record names a run that is still there."""
    assert check_evidence(str(runs), Verifier(keys[1])).problems == []
    assert (runs / HEAD).stat().st_mode & 0o077 == 0
    for day in DAYS:
        assert check_evidence(str(runs), Verifier(keys[1]), load_head(written / f"head-{day}.json")).problems == []


@pytest.mark.parametrize("days", [(4,), (3, 4)])
def test_the_removal_of_the_newest_runs_is_found(runs: Path, days: tuple[int, ...]) -> None:
    """Without a key too, and although `latest` and the chain are as they should be."""
    removed(runs, *days)
    checked = check_evidence(str(runs), None)
    assert {where for where, _ in checked.problems} == {HEAD}
    assert problems(checked)[0].startswith(f"the run that ended last, {run_of(runs, 4).name}, is missing (SHA-256 ")


def test_removing_the_record_as_well_is_found(runs: Path) -> None:
    """The runs that remain say that there was one; a single run may be a copy."""
    removed(runs, 3, 4)
    (runs / HEAD).unlink()
    assert problems(check_evidence(str(runs), None)) == [
        "it is missing: it would show whether the newest runs are here"
    ]
    shutil.rmtree(run_of(runs, 2))
    assert problems(check_evidence(str(runs), None)) == []


def test_an_older_record_that_was_put_back_is_found_by_a_copy(runs: Path, written: Path) -> None:
    """It is signed, and nothing else shows it: only what was kept elsewhere does."""
    removed(runs, 4)
    shutil.copy(written / "head-3.json", runs / HEAD)
    assert check_evidence(str(runs), None).problems == []
    checked = check_evidence(str(runs), None, load_head(written / "head-4.json"))
    assert [where for where, _ in checked.problems] == ["--head"]
    assert "is missing" in problems(checked)[0]


def test_a_record_that_lags_is_a_remark_or_a_problem(runs: Path, written: Path) -> None:
    """One run may have been killed before it wrote its record; two were not."""
    shutil.copy(written / "head-3.json", runs / HEAD)
    checked = check_evidence(str(runs), None)
    assert checked.problems == []
    assert [what for where, what in checked.remarks if where == HEAD] == [
        f"{run_of(runs, 4).name} ended after it was written, or it is an older one"
    ]
    shutil.copy(written / "head-2.json", runs / HEAD)
    assert problems(check_evidence(str(runs), None)) == ["2 runs ended after it was written: it is an older one"]


def forged(runs: Path, keys: tuple[Path, Path]) -> bytes:
    """Return a record of the run before the last, signed by another key."""
    other = keys[0].parent / "other"
    other.write_bytes(bytes(KeyPair.generate().secret_key))
    manifest = (run_of(runs, 3) / "manifest.sha256").read_text().split()[0]
    return head_record(run_of(runs, 3).name, manifest, "2026-03-03T04:00:00Z", Signer(other, "NONE"))


CHANGES: dict[str, tuple[Callable[[Path, tuple[Path, Path]], bytes], str]] = {
    "not JSON": (lambda runs, _: (runs / HEAD).read_bytes()[:-9], "it is not a head record, or cannot be read"),
    "nested": (lambda *_: b'{"head": ' + b"[" * 100_000, "it is not a head record, or cannot be read"),
    "other version": (
        lambda runs, _: (runs / HEAD).read_bytes().replace(b'"version": 1', b'"version": 2'),
        "it has format version 2; this program reads up to version 1",
    ),
    "other blanks": (lambda runs, _: (runs / HEAD).read_bytes() + b" ", "it is not a head record, or cannot be read"),
    "other time": (
        lambda runs, _: (runs / HEAD).read_bytes().replace(b'"written": "2', b'"written": "3'),
        "its signature is not valid",
    ),
    "without signature": (
        lambda runs, _: (
            json.dumps({**json.loads((runs / HEAD).read_bytes()), "signature": ""}, indent=2).encode() + b"\n"
        ),
        "it is not signed",
    ),
    "by another key": (forged, "its signature is not valid"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_record_is_found(runs: Path, keys: tuple[Path, Path], how: str) -> None:
    """Whatever was changed in it."""
    change, what = CHANGES[how]
    (runs / HEAD).write_bytes(change(runs, keys))
    assert problems(check_evidence(str(runs), Verifier(keys[1]))) == [what]


def test_a_rewritten_newest_run_is_found(runs: Path) -> None:
    """Its manifest and its digest fit each other, and not the record."""
    run = run_of(runs, 4)
    data = (run / "manifest.json").read_bytes().replace(b'"exit_code": 0', b'"exit_code": 3')
    (run / "manifest.json").write_bytes(data)
    assert problems(check_evidence(str(runs), None)) == [f"the manifest of {run.name} is not the one that it names"]


def test_a_record_that_cannot_be_written_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run is whole, and says what is missing."""
    (tmp_path / "one.snapshot").write_bytes(encode(snapshot_of(BOUND, zone="one")))
    from audit.storage.store import Folder

    write = Folder.write

    def refuses(store: Store, name: str, chunks: object) -> int:
        if name == HEAD:
            raise UsageError("cannot be written: no space left")
        return write(store, name, chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(Folder, "write", refuses)
    assert run_command(["report", "-s", str(tmp_path / "one.snapshot"), "-o", str(tmp_path / "runs"), "-f", "csv"]) == 0
    assert "head.json was not written: cannot be written: no space left" in capsys.readouterr().err


def test_a_copy_that_is_no_record_is_refused(tmp_path: Path) -> None:
    """As is one that is not there."""
    (tmp_path / "wrong").write_text("{}")
    for name, what in (("wrong", "this is not a head record"), ("missing", "cannot read this head record")):
        with pytest.raises(UsageError, match=what):
            load_head(tmp_path / name)
    assert decode_head(b"\xff") is None
