"""What is deployed: rendered by the real tools, good by Kubernetes' schemas, restricted, and the same from both."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart
from helm_python.chart import lint
from helm_python.errors import HelmError

from audit.cli import app
from audit.collect.required_access import READER, manifest
from audit.exit_codes import EXIT_CODES, FINDINGS, NOTHING, PARTIAL, USAGE
from audit.job.load_config import load_config
from tests.paths import ROOT

KUSTOMIZE, CHART = ROOT / "deploy/kustomize", ROOT / "deploy/chart"
KUBECTL = Path(sys.executable).parent / "kubectl"
NAME = "registry-audit"
Object = dict[str, Any]
Objects = dict[tuple[str, str], Object]


def config(overlay: str) -> Object:
    loaded: Object = yaml.safe_load((KUSTOMIZE / overlay / "config.yaml").read_text())
    return loaded


# Each way to install: the folder of kustomize, and the values that are the same with Helm.
BUCKET: Object = {"volume": {"enabled": False}, "envFrom": ["registry-audit-storage"], "config": config("overlays/s3")}
WAYS: dict[str, Object] = {
    "base": {},
    "overlays/s3": BUCKET,
    "overlays/remote-zones": {
        "access": False,
        "zonesSecret": "registry-audit-zones",
        "config": config("overlays/remote-zones"),
    },
    "overlays/many-zones": {**BUCKET, "shards": 4},
    "overlays/monitoring": {
        "monitoring": {"alerts": True, "dashboard": True},
        "config": config("overlays/monitoring"),
    },
    "overlays/tenant": {"tenant": True, "access": False},
}
NO_CLUSTER_ROLE = {"overlays/remote-zones", "overlays/tenant"}
METRICS: Object = {"metrics": {"pushgateway": "http://gateway:9091"}}


def by_name(documents: Iterator[Object]) -> Objects:
    return {(one["kind"], one["metadata"]["name"]): one for one in documents if one}


def kustomized(way: str) -> Objects:
    command = [str(KUBECTL), "kustomize", str(KUSTOMIZE / way)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return by_name(yaml.safe_load_all(done.stdout))


def charted(values: Object, name: str = NAME) -> Objects:
    with Chart.load(CHART) as chart:
        rendered = chart.render(values, name=name, namespace=NAME)
    return by_name(one for text in rendered.values() for one in yaml.safe_load_all(text))


def cron(objects: Objects) -> Object:
    (found,) = (one for (kind, name), one in objects.items() if kind == "CronJob" and not name.endswith("-prune"))
    return found


def pod_of(cron: Object) -> Object:
    found: Object = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def pod(objects: Objects) -> Object:
    return pod_of(cron(objects))


def pods(objects: Objects) -> list[Object]:
    """Return the pods of all CronJobs: of the one that audits, and of the one that prunes."""
    found = [pod_of(one) for (kind, _), one in objects.items() if kind == "CronJob"]
    assert len(found) == 2
    return found


def compared(objects: Objects) -> Objects:
    """Return objects as they are compared: configuration as what it says, and none of the labels that tools add to."""
    text = json.loads(json.dumps({"/".join(key): one for key, one in objects.items()}))
    for key, one in text.items():
        one["metadata"].pop("labels", None)
        if key.startswith(("ClusterRole", "PrometheusRule")):
            one["metadata"].pop("namespace", None)
        if key == f"ConfigMap/{NAME}":
            one["data"]["config.yaml"] = yaml.safe_load(one["data"]["config.yaml"])
        if key.startswith("CronJob/"):
            job = one["spec"]["jobTemplate"]
            # The network policy finds its pods by this.
            assert job["spec"]["template"].pop("metadata")["labels"] == {"app.kubernetes.io/name": NAME}
            job.pop("metadata", None)
    return {tuple(key.split("/")): one for key, one in text.items()}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_both_tools_make_the_same(way: str) -> None:
    """Object by object, for each way to install; only kustomize brings the namespace, but a tenant has one."""
    one, other = compared(kustomized(way)), compared(charted(WAYS[way]))
    assert (one.pop(("Namespace", NAME), None) is None) is (way == "overlays/tenant")
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_is_made_is_what_kubernetes_takes(way: str) -> None:
    """By the schemas of its versions, with nothing in it that they do not know."""
    kinds = set()
    for objects in (kustomized(way), charted(WAYS[way])):
        for (kind, _), one in objects.items():
            kinds.add(kind)
            if kind != "PrometheusRule":
                for version in ("1.31", "1.37"):
                    kubernetes_validate.validate(one, version, strict=True)
    assert {"CronJob", "ConfigMap", "ServiceAccount", "NetworkPolicy"} <= kinds
    assert bool({"ClusterRole", "ClusterRoleBinding"} & kinds) is (way not in NO_CLUSTER_ROLE)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_pods_are_restricted(way: str) -> None:
    """As the restricted pod security standard wants it, with any user id, and nothing to write but volumes."""
    for spec in (*pods(kustomized(way)), *pods(charted(WAYS[way]))):
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        assert {next(iter({*volume} - {"name"})) for volume in spec["volumes"]} <= {
            "configMap",
            "secret",
            "emptyDir",
            "persistentVolumeClaim",
        }
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_job_ends_and_is_not_repeated_in_vain(way: str) -> None:
    """One at a time, in its time; what would be the same the next time is not tried again, and the rest is."""
    for objects in (kustomized(way), charted(WAYS[way])):
        spec = cron(objects)["spec"]
        job = spec["jobTemplate"]["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["timeZone"]
        assert spec["startingDeadlineSeconds"]
        assert job["activeDeadlineSeconds"] < 24 * 3600
        assert job["template"]["spec"]["restartPolicy"] == "Never"
        (ends,) = (rule for rule in job["podFailurePolicy"]["rules"] if rule["action"] != "Ignore")
        assert ends["onExitCodes"]["values"] == [USAGE, PARTIAL, FINDINGS]
        assert {*ends["onExitCodes"]["values"]} <= {*EXIT_CODES} - {NOTHING}
        assert ends["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]
        assert job.get("backoffLimit") == (None if way == "overlays/many-zones" else 2)


def test_shards_know_their_job_and_their_number() -> None:
    """By what Kubernetes says of the pod, and what the manifest says twice."""
    for objects in (kustomized("overlays/many-zones"), charted({**BUCKET, "shards": 4})):
        job = cron(objects)["spec"]["jobTemplate"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        variables = {one["name"]: one for one in container["env"]}
        assert job["completionMode"] == "Indexed"
        assert variables["JOB_COMPLETIONS"]["value"] == str(job["completions"]) == "4"
        assert "job-name" in variables["REGISTRY_AUDIT_JOB"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert job["podFailurePolicy"]["rules"][1]["action"] == "FailIndex"
        assert "--merge" in container["args"]


def test_the_role_is_the_one_that_the_program_names() -> None:
    """To the letter, and nothing wider is bound."""
    assert (CHART / "files/access/access.yaml").read_text() == manifest() + "\n"
    (role,) = [one for one in yaml.safe_load_all(manifest()) if one]
    for objects in (kustomized("base"), charted({})):
        assert objects["ClusterRole", READER.role]["rules"] == role["rules"]
        (binding,) = (one for (kind, _), one in objects.items() if kind == "ClusterRoleBinding")
        assert binding["roleRef"]["name"] == READER.role
        account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAME}
        assert binding["subjects"] == [account]
        assert pod(objects)["serviceAccountName"] == NAME


def test_limits_come_from_measurement() -> None:
    """Twice what the largest estate took, and never less than what the usual one does."""
    text = (ROOT / "docs/performance.md").read_text()
    peaks = [int(found) for found in re.findall(r"^\| whole \|.*\| (\d+) \|$", text, re.MULTILINE)]
    resources = pod(kustomized("base"))["containers"][0]["resources"]
    assert resources == yaml.safe_load((CHART / "values.yaml").read_text())["resources"]
    assert resources["limits"]["memory"] == "2Gi"
    assert max(peaks) * 2 < 2048
    assert resources["requests"]["memory"] == "512Mi"
    assert peaks[2] < 512


@pytest.mark.parametrize("path", sorted(ROOT.glob("deploy/**/config.yaml")), ids=str)
def test_configurations_are_good(path: Path) -> None:
    """Those that are mounted."""
    if path.parent.name != "templates":
        assert load_config(path).zones


def test_commands_are_commands() -> None:
    """With options that the program has."""
    import typer

    root = typer.main.get_command(app)
    for spec in (spec for way in WAYS for spec in pods(kustomized(way))):
        name, *arguments = spec["containers"][0]["args"]
        command = root.get_command(None, name)  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known


@pytest.mark.parametrize(
    "bad",
    [
        {"shedule": "x"},
        {"shards": -1},
        {"image": {"repository": ""}},
        {"volume": {"size": "much"}},
        {"networkPolicy": {"ports": ["https"]}},
        {"monitoring": {"alert": True}},
        {"image": {"repository": "a@sha256:abc"}},
        {"image": {"digest": "sha256:abc"}},
        # What cannot work: no place for runs, pods on several nodes and one volume, a tenant's cluster role.
        {"volume": {"enabled": False}},
        {"shards": 4},
        {"tenant": True},
        # Runs where nothing is mounted, or nowhere.
        {"config": {"zones": [{"id": "a"}]}},
        {"config": {"zones": [{"id": "a"}], "output": {"directory": "/srv/runs"}}},
        {"config": {"zones": [{"id": "a"}], "output": {"directory": "/var/lib/registry-audit-2"}}},
        # No token of this cluster, which is to be read; tokens of other zones that are not mounted.
        {"access": False},
        {"access": False, "config": {**config("base")}},
        {"access": False, **BUCKET},
        {"access": False, "config": config("overlays/remote-zones")},
        # Alerts on metrics that nobody pushes.
        {"monitoring": {"alerts": True}},
    ],
    ids=str,
)
def test_values_are_checked(bad: Object) -> None:
    """A key or value that means nothing is refused, not overlooked; and what cannot work, before it is installed."""
    with pytest.raises(HelmError):
        charted(bad)


@pytest.mark.parametrize(
    "good",
    [
        {"config": {**config("base"), "output": {"directory": "s3://bucket/runs"}}},
        {"config": {**config("base"), "output": {"directory": "/var/lib/registry-audit/here"}}},
        {"access": False, "zonesSecret": "a", "config": config("overlays/remote-zones")},
        {"access": False, "tenant": True, "config": config("base")},
        {"monitoring": {"alerts": True}, "config": {**config("base"), **METRICS}},
        {"monitoring": {"dashboard": True}},
    ],
    ids=str,
)
def test_values_that_can_work_are_taken(good: Object) -> None:
    """Beside those that are refused."""
    assert charted(good)


@pytest.mark.parametrize(
    ("address", "ports"),
    [
        ("http://gateway:9091", [443, 6443, 9091]),
        ("http://gateway", [443, 6443, 80]),
        ("https://gateway", [443, 6443]),
        ("https://192.0.2.1:6443", [443, 6443]),
    ],
)
def test_the_port_of_the_pushgateway_is_open(address: str, ports: list[int]) -> None:
    """Metrics that a network policy holds back would be noticed by their alerts only."""
    policy = charted({"config": {**config("base"), "metrics": {"pushgateway": address}}})["NetworkPolicy", NAME]
    assert [one["port"] for one in policy["spec"]["egress"][1]["ports"]] == ports


def test_the_chart_is_good() -> None:
    """By Helm's own lint; every value is in the schema, and what can be switched off is."""
    report = lint(CHART, strict=True)
    assert [one for one in report["messages"] if one["severity"] >= 2] == []
    assert report["errors"] == []
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert {*yaml.safe_load((CHART / "values.yaml").read_text())} == {*schema["properties"]} - {"global"}
    less = {"networkPolicy": {"enabled": False}, "prune": {"keepDays": 0}, "fsGroup": 2000}
    elsewhere = {"zones": [{"id": "a"}], "output": {"directory": "s3://bucket/runs"}}
    off = charted({**BUCKET, **less, "access": False, "config": elsewhere})
    assert {kind for kind, _ in off} == {"ServiceAccount", "ConfigMap", "CronJob"}
    assert pod(off)["automountServiceAccountToken"] is False
    assert pod(off)["securityContext"]["fsGroup"] == 2000
    other = charted({"volume": {"storageClass": "fast"}}, name="second")
    assert other["PersistentVolumeClaim", "second"]["spec"]["storageClassName"] == "fast"
    assert pod(other)["volumes"][1]["persistentVolumeClaim"]["claimName"] == "second"


def test_two_releases_share_nothing() -> None:
    """Each object, cluster-wide ones too, is named by its release."""
    values = WAYS["overlays/monitoring"]
    one, other = charted(values), charted(values, name="second")
    assert len(one) == len(other) == 10
    assert not {*one} & {*other}
    for (kind, _), found in other.items():
        if kind == "ClusterRoleBinding":
            assert ("ClusterRole", found["roleRef"]["name"]) in other


def test_pods_go_where_and_have_what_a_cluster_asks_for() -> None:
    """Pull secrets, nodes, tolerations, annotations and volumes of all pods; arguments of the one that audits."""
    volume, mount = (
        {"name": "ca", "configMap": {"name": "ca"}},
        {"name": "ca", "mountPath": "/etc/ca", "readOnly": True},
    )
    toleration = {"key": "dedicated", "operator": "Exists"}
    digest = f"sha256:{'a' * 64}"
    objects = charted(
        {
            "image": {"digest": digest, "repository": "registry.example.com/audit"},
            "imagePullSecrets": ["pull"],
            "nodeSelector": {"kind": "infra"},
            "tolerations": [toleration],
            "podAnnotations": {"a": "b"},
            "extraArgs": ["--expand"],
            "extraVolumes": [volume],
            "extraVolumeMounts": [mount],
        }
    )
    for (kind, _), one in objects.items():
        if kind == "CronJob":
            kubernetes_validate.validate(one, "1.37", strict=True)
            assert one["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["annotations"] == {"a": "b"}
    for spec in pods(objects):
        assert spec["imagePullSecrets"] == [{"name": "pull"}]
        assert (spec["nodeSelector"], spec["tolerations"]) == ({"kind": "infra"}, [toleration])
        assert volume in spec["volumes"]
        assert mount in spec["containers"][0]["volumeMounts"]
        assert spec["containers"][0]["image"] == f"registry.example.com/audit@{digest}"
    assert [("--expand" in spec["containers"][0]["args"]) for spec in pods(objects)] == [True, False]


def test_a_tenant_needs_nothing_of_the_cluster() -> None:
    """No cluster role, the account's own token, and no alert that a run of a tenant would always raise."""
    alerts: Object = {"monitoring": {"alerts": True}, "config": {**config("overlays/tenant"), **METRICS}}
    objects = charted({"tenant": True, "access": False, **alerts})
    assert not [kind for kind, _ in objects if kind.startswith("Cluster")]
    assert pod(objects)["automountServiceAccountToken"] is True
    usual = charted({"tenant": True, "access": False})["ConfigMap", NAME]["data"]["config.yaml"]
    assert yaml.safe_load(usual)["collect"] == {"scope": "tenant"}
    whole = charted(alerts)
    names = [
        {rule["alert"] for rule in one["PrometheusRule", NAME]["spec"]["groups"][0]["rules"]}
        for one in (whole, objects)
    ]
    assert names[0] - names[1] == {"RegistryAuditNoSuccess", "RegistryAuditNeverSucceeded", "RegistryAuditPartial"}
    assert "RegistryAuditNoRun" in names[1]


def test_old_runs_are_removed_by_a_job_without_credentials() -> None:
    """It has no token and no Secret of zones, and runs hours after the audit has ended."""
    for objects in (kustomized("base"), charted({"zonesSecret": "zones"})):
        job = objects["CronJob", f"{NAME}-prune"]
        spec = pod_of(job)
        assert spec["automountServiceAccountToken"] is False
        assert {volume["name"] for volume in spec["volumes"]} == {"config", "runs", "tmp"}
        hours = [int(one["spec"]["schedule"].split()[1]) for one in (cron(objects), job)]
        assert hours[1] - hours[0] > cron(objects)["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] / 3600


def test_versions_agree() -> None:
    """Of the program, the chart and the image's tag."""
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version[1]
    assert f'org.opencontainers.image.version="{version[1]}"' in (ROOT / "Containerfile").read_text()
    for objects in (kustomized("base"), charted({})):
        assert pod(objects)["containers"][0]["image"] == f"{NAME}:{version[1]}"


def test_the_context_of_a_build_has_what_is_copied_and_nothing_else() -> None:
    """Each path that the Containerfile copies, and each of those is copied."""
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
        for path in line.split()
    ]
    everything, *kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert (everything, kept.pop()) == ("*", "**/__pycache__")
    assert {line.removeprefix("!") for line in kept} == {
        "deploy/image" if path.startswith("deploy/image/") else path for path in copied
    }
