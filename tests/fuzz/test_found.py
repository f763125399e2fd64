"""Faults that fuzzing found, each as its kind."""

import json
from pathlib import Path

import pytest

from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts
from audit.collect.run import collect_folder
from audit.snapshot.model import encode


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
    assert not any("error of the program" in detail for detail in reasons.values())
