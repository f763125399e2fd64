"""Kubeconfigs as kubectl reads them, and as little of them in messages as can be."""

from pathlib import Path

import pytest

from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts, same_server


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: [{name: a, user: {token: canary-1234", "is not YAML: line "),
        ("[]", "is not a kubeconfig"),
        ("", "is not a kubeconfig"),
        ("users: 5", "users must be a list of `name` and `user`"),
        ("users: [{user: {}}]", "users must be a list of `name` and `user`"),
        ("users: [canary-1234]", "users must be a list of `name` and `user`"),
        ("users: [{name: a}, canary-1234]", "users must be a list of `name` and `user`"),
        ("users: [{name: 5, user: {}}]", "users must be a list of `name` and `user`"),
        ("users: [{name: a, user: canary-1234}]", "users must be a list of `name` and `user`"),
        ("contexts: [{name: a, context: {cluster: b}}]", "no current context in"),
        ("current-context: a", "no context a in"),
        ("current-context: a\ncontexts: [{name: a, context: {cluster: b}}]", "no cluster b in"),
    ],
)
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    """The place is said, the text is not: a line may hold a token."""
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(CredentialsError) as failed:
        KubeContexts(path).get()
    assert said in str(failed.value)
    assert "canary-1234" not in repr((failed.value, failed.value.__cause__))


def test_several_kubeconfigs_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that names an entry counts, files that are not there are left out, and paths start at their file."""
    (tmp_path / "b").mkdir()
    cluster = "clusters: [{name: c, cluster: {server: https://one, certificate-authority: ca}}]"
    (tmp_path / "a.yaml").write_text(f"{cluster}\ncontexts: [{{name: x, context: {{cluster: c, namespace: n}}}}]")
    (tmp_path / "b" / "b.yaml").write_text(
        "current-context: y\nclusters: [{name: c, cluster: {server: https://two}}]\n"
        "users: [{name: u, user: {tokenFile: t}}]\ncontexts: [{name: y, context: {cluster: c, user: u}},"
        " {name: z, context: {cluster: none}}]"
    )
    files = [tmp_path / "a.yaml", tmp_path / "none", tmp_path / "b" / "b.yaml"]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    contexts = KubeContexts()
    assert [(one.name, one.server, one.namespace) for one in contexts] == [
        ("x", "https://one", "n"),
        ("y", "https://one", ""),
    ]
    assert contexts.get().user.path("tokenFile") == tmp_path / "b" / "t"
    assert contexts.get("x").cluster.path("certificate-authority") == tmp_path / "ca"
    assert not contexts.get("x").user.values
    with pytest.raises(CredentialsError, match=r"no context in .* leads to"):
        contexts.leading_to("https://two")
    with pytest.raises(CredentialsError, match="cannot read"):
        KubeContexts(tmp_path / "none")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="no kubeconfig at"):
        KubeContexts()


def test_addresses_of_the_same_server() -> None:
    """Port and case do not tell them apart; what is no address is like nothing else."""
    assert same_server("https://API.example.com", "https://api.example.com:443/")
    assert not same_server("https://a", "http://a")
    assert not same_server("https://a:x", "https://a:y")
