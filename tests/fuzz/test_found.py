"""Faults that fuzzing found, each as its kind."""

import json
from pathlib import Path

import pytest

from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts
from audit.collect.run import collect_folder
from audit.snapshot.model import encode
from audit.usage.files import read_files


@pytest.mark.parametrize("text", ["e\U0001f600", "é", "===", "e A = =", "a"])
def test_authorities_and_keys_that_are_no_base64(tmp_path: Path, text: str) -> None:
    """Letters that are no ASCII raise another error than other bad base64."""
    path = tmp_path / "kubeconfig"
    cluster = {"server": "https://h:1", "certificate-authority-data": text}
    config = {
        "clusters": [{"name": "k", "cluster": cluster}],
        "contexts": [{"name": "c", "context": {"cluster": "k"}}],
    }
    path.write_text(json.dumps(config, ensure_ascii=False))
    with pytest.raises(CredentialsError, match="not base64"):
        KubeContexts(path).get("c").cluster.content("certificate-authority")


@pytest.mark.parametrize("key", ["name", "namespace", "uid"])
def test_half_a_character_in_a_mixed_list(tmp_path: Path, key: str) -> None:
    """Lists of several kinds are decoded in two steps; a surrogate is refused by the second one too."""
    metadata = {"name": "a", "namespace": "b", "uid": "c", key: "\ud800"}
    items = [
        {"kind": "RoleBinding", "metadata": metadata, "roleRef": {"kind": "Role", "name": "r"}},
        {"kind": "Role", "metadata": {"name": "a", "namespace": "b"}, "rules": []},
    ]
    (tmp_path / "all.json").write_text(json.dumps({"kind": "List", "items": items}))
    snapshot = collect_folder(tmp_path)
    encode(snapshot)
    reasons = {gap.kind: gap.detail for gap in snapshot.gaps}
    assert "rolebindings" in reasons
    assert not any("internal error: " in detail for detail in reasons.values())


@pytest.mark.parametrize(
    "time",
    [
        "2026-13-01T10:00:00Z", "2026-02-30T10:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T10:60:00Z",
        "2026-01-01T10:00:99Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T10:00:00+99:99",
        "2026-01-01T10:00:1e999Z", "2026-01-01T10:00:infZ", "2026-01-01T10:00:nanZ", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text", "JSON", "audit event"])
def test_times_in_logs_that_there_are_not(tmp_path: Path, time: str, form: str) -> None:
    """Digits in the form of a time are not yet one: the line is damaged, those beside it are read."""

    def line(of: str) -> str:
        fields = {"openshift.auth.user": "ann", "http.request.uri": "/v2/", "http.response.status": 200}
        if form == "audit event":
            user = {"username": "ann"}
            return json.dumps({"kind": "Event", "auditID": "a", "user": user, "requestReceivedTimestamp": of})
        if form == "JSON":
            return json.dumps({"time": of, "level": "info", "msg": "response completed", **fields})
        values = " ".join(f"{key}={json.dumps(value)}" for key, value in fields.items())
        return f'time="{of}" level=info msg="response completed" {values}'

    path = tmp_path / "registry.log"
    good = line("2026-01-01T10:00:00Z")
    path.write_text("\n".join((good, line(time), good, "")))
    read = read_files([path], 1)
    assert read.damaged.count == 1
    assert [len(seen.levels) for seen in (read.servers if form == "audit event" else read.registry).values()] == [1]


@pytest.mark.parametrize("value", [b"1e999", b"9" * 5000, b'"\xff"', b"[" * 3000 + b"]" * 3000], ids=lambda it: it[:3])
def test_fields_beside_those_that_a_log_is_known_by(tmp_path: Path, value: bytes) -> None:
    """A line is decoded twice, the second time with all of its fields."""
    path = tmp_path / "registry.log"
    path.write_bytes(b'{"time": "2026-01-01T10:00:00Z", "level": "info", "msg": "m", "x": ' + value + b"}\n")
    assert read_files([path], 1).damaged.count == 1


def test_what_the_registry_asked_in_an_audit_event_that_is_no_utf8(tmp_path: Path) -> None:
    """What is decoded later than the event may still be damaged."""
    path = tmp_path / "audit.log"
    event = {
        "kind": "Event", "auditID": "a", "stage": "ResponseComplete", "verb": "create", "user": {"username": "ann"},
        "objectRef": {"resource": "selfsubjectaccessreviews"}, "responseStatus": {"code": 201},
        "requestReceivedTimestamp": "2026-01-01T10:00:00Z",
        "requestObject": {"spec": {"resourceAttributes": {"namespace": "X"}}},
    }  # fmt: skip
    path.write_bytes(json.dumps(event).encode().replace(b'"X"', b'"\xff"') + b"\n")
    assert read_files([path], 1).uses == []
