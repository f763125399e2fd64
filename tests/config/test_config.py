"""The configuration: what is accepted, and what is said about each mistake."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.collect.required_access import manifest
from audit.collect.zones import InCluster, Kubeconfig, TokenEnv, TokenFile, Zone, zones_of
from audit.config.model import Collect, Config, Selection, check_files, config_digest, config_schema
from audit.errors import ConfigError, UsageError
from audit.job.load_config import load_config
from tests.paths import ROOT

EXAMPLE = ROOT / "config.example.yaml"


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def mistakes(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text)
    assert raised.value.exit_code == 2
    assert str(tmp_path) in str(raised.value)
    return "\n".join(raised.value.mistakes)


def test_the_least_is_a_zone_with_an_id(tmp_path: Path) -> None:
    """An APPUiO zone's addresses follow from its id; a dump needs its folder only."""
    live, dump = zones_of(load(tmp_path, "zones: [{id: lpg-2}, {id: old, source: {dump: files}}]"))
    assert live == Zone("lpg-2", "https://api.lpg-2.appuio.cloud:6443")
    assert dump == Zone("old", dump=tmp_path / "files")


def test_the_example_is_valid_and_its_demo_zone_is_there() -> None:
    """What people copy first works as it stands."""
    config = load_config(EXAMPLE)
    assert [zone.id for zone in config.zones] == ["demo"]
    assert check_files(config) == []


@pytest.mark.parametrize(
    ("given_as", "expected", "api"),
    [
        ("{context: lpg}", Kubeconfig(None, "lpg"), ""),
        ("{in_cluster: true}", InCluster(), ""),
        ("{token_env: T}", TokenEnv("T"), "https://api.a.appuio.cloud:6443"),
    ],
)
def test_credentials_are_references(tmp_path: Path, given_as: str, expected: object, api: str) -> None:
    """A kubeconfig's context and a pod know their server; a token is for the zone's own API."""
    (zone,) = zones_of(load(tmp_path, f"zones: [{{id: a, credentials: {given_as}}}]"))
    assert (zone.credentials, zone.api) == (expected, api)


def test_files_are_found_beside_the_configuration(tmp_path: Path) -> None:
    """A relative path starts at the configuration's folder, wherever the program was started."""
    text = "zones: [{id: a, ca_file: ca.pem, api: 'https://10.0.0.1:6443/', credentials: {token_file: /run/token}}]"
    (zone,) = zones_of(load(tmp_path, text))
    assert zone.ca_file == tmp_path / "ca.pem"
    assert zone.credentials == TokenFile(Path("/run/token"))
    assert zone.api == "https://10.0.0.1:6443"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zones: [{id: a}]\nzonse: 1", "zonse (line 2): unknown key; did you mean zones?"),
        ("zones: [{id: a, credentials: {tokenfile: x}}]", "did you mean token_file?"),
        ("zones: [{id: a, wibble: x}]", "unknown key; known: id, api, registry"),
        ("zones: [{id: a, credentials: {token: s3cret}}]", "refer to them with token_file or token_env"),
        ("zones:\n  - id: a\n  - id: 5\n", "zones[1].id (line 3): must be a string"),
        ("zones:\n  - {}\n", "zones[0].id (line 2): is required"),
        ("zones: {id: a}", "zones (line 1): must be a list"),
        ("zones: []", "zones (line 1): must not be empty"),
        ("zones: [a]", "zones[0] (line 1): must be a mapping"),
        ("zones: [{id: A_b}]", "must be at most 63 lower-case letters, digits and dashes"),
        ("zones: [{id: a}, {id: a}]", "duplicate zone id: a"),
        ("zones: [{id: a, api: 'http://x'}]", "must be https://HOST"),
        ("zones: [{id: a, api: 'https://me:pw@x'}]", "must be https://HOST"),
        ("zones: [{id: a, proxy: 'http://me:pw@x:1'}]", "do not put secrets here: set HTTPS_PROXY for a proxy"),
        ("zones: [{id: a, proxy: 'socks5://x:1'}]", "must be http://HOST[:PORT]"),
        ("zones: [{id: a, proxy: 'x:1'}]", "must be http://HOST[:PORT]"),
        ("zones: [{id: a, source: {dump: d}, proxy: 'http://x:1'}]", "a zone with a source is read from files"),
        ("zones: [{id: a}]\ncollect: {scope: all}", "must be one of auto, cluster, tenant"),
        ("zones: [{id: a}]\ncollect: {stale_days: -1}", "must be at least 0"),
        ("zones: [{id: a}]\ncollect: {requests_per_second: 0}", "must be more than 0"),
        ("zones: [{id: a, credentials: {}}]", "give exactly one of"),
        ("zones: [{id: a, credentials: {context: c, in_cluster: true}}]", "give exactly one of"),
        ("zones: [{id: a, source: {dump: d}, credentials: {context: c}}]", "a zone with a source is read from files"),
        ("zones_from: {}", "give exactly one of: control_api, kubeconfig"),
        ("zones_from: {kubeconfig: {}, control_api: {credentials: {context: c}}}", "give exactly one of: control_api"),
        ("zones_from: {kubeconfig: {contexts: []}}", "must not be empty"),
        ("zones_from: {kubeconfig: {context: x}}", "did you mean contexts?"),
        ("zones_from: {control_api: {}}", "zones_from.control_api.credentials (line 1): is required"),
        ("zones_from: {control_api: {credentials: {token_env: T}}}", "set `api` of the control API"),
        ("zones_from: {control_api: {credentials: {token: s3cret}}}", "refer to them with token_file or token_env"),
        ("output: {}", "no zones: add `zones: [{id: NAME}]` or zones_from"),
        ("zones: [{id: a}]\noutput: {formats: [pdf]}", "output.formats[0] (line 2): must be one of csv, html"),
        ("zones: [{id: a}]\noutput: {formats: []}", "must not be empty"),
        ("zones: [{id: a}]\ncollect: {retries: many}", "must be an integer"),
        ("zones: [{id: a}]\ncollect: {retries: -1}", "must be at least 0"),
        ("zones: [{id: a}]\ncollect: {timeout_seconds: 0}", "must be more than 0"),
        ("zones: [{id: a}]\ncollect: {retries: 100}", "must be at most 20"),
        ("zones: [{id: a, credentials: {in_cluster: 7}}]", "must be true or false"),
        ("zones: [{id: a}]\nzones: [{id: b}]", "zones (line 2): duplicate key"),
        ("zones: [{id: a}]\nnamespaces: {include: {labels: [x]}}", "must be a mapping"),
        ("", "must be a mapping, for example `zones: [{id: NAME}]`"),
        ("- a", "must be a mapping, for example `zones: [{id: NAME}]`"),
        ("zones: [{id: a}", "line 2, column 1: did not find expected"),
        ("zones: &z [{id: a}]\nmore: *z", "line 2, column 7: aliases are not supported"),
        ("zones: [{id: \x07}]", "control characters are not allowed"),
        ("? [a, b]\n: 1", "line 1, column 3: a key must be a string"),
    ],
)
def test_each_mistake_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """Path in the file, line, what is wrong, and what was meant."""
    found = mistakes(tmp_path, text)
    assert said in found
    assert "s3cret" not in found
    assert "pw@" not in found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Nobody fixes one mistake only to be shown the next."""
    found = mistakes(tmp_path, "zones:\n  - id: B\n    regisrty: x\noutput:\n  formts: []\ncollect: {retries: x}\n")
    assert len(found.splitlines()) == 4


@pytest.mark.parametrize("what", ["missing", "folder", "binary", "large"])
def test_a_file_that_is_none_is_one_clear_message(tmp_path: Path, what: str) -> None:
    """Missing, a folder, not UTF-8, far too large: said, with the path."""
    path = tmp_path / "config.yaml"
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes(b"\xff\xfe" if what == "binary" else b"#" * (2 << 20))
    expected = "cannot read the configuration" if what in {"missing", "folder"} else "1 mistake in the configuration"
    with pytest.raises(UsageError, match=rf"config\.yaml: {expected}"):
        load_config(path)


def test_check_files_says_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and variable that the configuration refers to is looked for."""
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    config = load(
        tmp_path,
        "zones:\n"
        "  - {id: a, ca_file: ca.pem, credentials: {kubeconfig: kube}}\n"
        "  - {id: b, credentials: {token_file: token}}\n"
        "  - {id: c, credentials: {token_env: NO_SUCH_TOKEN}}\n"
        "  - {id: d, source: {dump: files}}\n",
    )
    found = check_files(config)
    assert [line.split(":")[0] for line in found] == [
        "zones[0].ca_file",
        "zones[0].credentials.kubeconfig",
        "zones[1].credentials.token_file",
        "zones[2].credentials.token_env",
        "zones[3].source.dump",
    ]
    (tmp_path / "token").write_text("x")
    assert len(check_files(config)) == 4


def test_only_the_zones_that_are_named(tmp_path: Path) -> None:
    """A zone that is not there is said, with the one that was meant."""
    config = load(tmp_path, "zones: [{id: lpg-2}, {id: gva-2}]")
    assert [zone.id for zone in zones_of(config, ["gva-2"])] == ["gva-2"]
    with pytest.raises(Exception, match="did you mean lpg-2"):
        zones_of(config, ["lpg2"])
    with pytest.raises(Exception, match="known: lpg-2, gva-2"):
        zones_of(config, ["elsewhere"])


@pytest.mark.parametrize(
    ("text", "name", "labels", "wanted"),
    [
        ("{}", "a", {}, True),
        ("{include: {names: [shop-*]}}", "shop-1", {}, True),
        ("{include: {names: [shop-*]}}", "other", {}, False),
        ("{include: {labels: {org: '*'}}}", "a", {"org": "x"}, True),
        ("{include: {labels: {org: '*'}}}", "a", {}, False),
        ("{include: {labels: {org: acme}}}", "a", None, True),
        ("{exclude: {names: [kube-*]}}", "kube-system", {}, False),
        ("{exclude: {labels: {org: acme}}}", "a", {"org": "acme"}, False),
        ("{exclude: {labels: {org: acme}}}", "a", None, True),
        ("{include: {names: [a*]}, exclude: {names: [ab]}}", "ab", {}, False),
    ],
)
def test_namespaces_are_chosen_by_name_and_label(
    tmp_path: Path, text: str, name: str, labels: dict[str, str] | None, wanted: bool
) -> None:
    """Globs on names and on label values; in doubt a namespace is reported on."""
    config = load(tmp_path, f"zones: [{{id: a}}]\nnamespaces: {text}")
    assert config.namespaces.selects(name, labels) is wanted


@given(st.text(max_size=8), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2))
def test_a_selection_of_nothing_takes_everything(name: str, labels: dict[str, str]) -> None:
    """Without names and labels, every namespace is meant."""
    assert Selection().matches(name, labels, unseen=False)


def test_the_digest_is_of_the_meaning(tmp_path: Path) -> None:
    """Comments and order change nothing; a value does."""
    one = config_digest(load(tmp_path, "zones: [{id: a, registry: r}]"))
    assert one == config_digest(load(tmp_path, "# hello\nzones:\n- registry: r\n  id: a\n"))
    assert one != config_digest(load(tmp_path, "zones: [{id: b, registry: r}]"))


def test_the_schema_names_every_key() -> None:
    """Editors complete and check by it: unknown keys are refused there too."""
    schema = config_schema()
    assert set(schema["properties"]) == {
        "zones",
        "zones_from",
        "namespaces",
        "output",
        "collect",
        "checks",
        "controls",
        "platform",
        "evidence",
        "pseudonyms",
        "usage",
    } | {
        "exceptions",
        "fail_on",
        "fail_on_new",
        "metrics",
        "notify",
    }
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


@given(st.binary(max_size=60))
def test_no_bytes_make_more_than_a_mistake(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever stands in the file, it is a configuration or one clear error."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load_config(path)


@pytest.mark.parametrize("kind", ["tokens", "pods", "builds"])
def test_optional_lists_are_requested_where_they_are_wanted(kind: str) -> None:
    """None of them by default; each alone, and the role that allows it is printed."""
    assert kind not in Collect().kinds
    assert {*Collect.model_validate({kind: True}).kinds} - {*Collect().kinds} == {kind}
    assert f"name: registry-audit-{kind}" in manifest([kind])
