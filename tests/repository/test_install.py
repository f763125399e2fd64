"""Chart and kustomize, installed by kubectl in a simulated cluster: all is taken, and refers to what is there."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.repository.test_deploy import KUBECTL, KUSTOMIZE, NAME, WAYS, Objects, charted, pod_of
from tests.simulator.installing import Cluster, serving

# What the documents say has to be created first.
SECRETS = {"registry-audit-zones", "registry-audit-storage"}


def apply(cluster: Cluster, folder: Path, arguments: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Apply manifests, without the schemas of this server: it has none."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "a", "cluster": {"server": cluster.url}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": ""}}],
        "current-context": "a",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(kubeconfig))
    command = [str(KUBECTL), f"--kubeconfig={path}", f"--cache-dir={folder / 'cache'}", "apply", "--validate=false"]
    return subprocess.run([*command, *arguments], input=text, capture_output=True, text=True, check=False)


def dangling(objects: Objects) -> set[tuple[str, str]]:
    """Return what objects refer to, and is neither there nor said to be created before."""
    wanted: set[tuple[str, str]] = set()
    for (kind, _), one in objects.items():
        if kind == "ClusterRoleBinding":
            wanted |= {(one["roleRef"]["kind"], one["roleRef"]["name"])}
            wanted |= {(subject["kind"], subject["name"]) for subject in one["subjects"]}
        if kind == "CronJob":
            spec = pod_of(one)
            wanted.add(("ServiceAccount", spec["serviceAccountName"]))
            wanted |= {("Secret", one["secretRef"]["name"]) for one in spec["containers"][0].get("envFrom", [])}
            for volume in spec["volumes"]:
                wanted |= {("ConfigMap", volume[part]["name"]) for part in ("configMap",) if part in volume}
                wanted |= {("Secret", volume[part]["secretName"]) for part in ("secret",) if part in volume}
                if "persistentVolumeClaim" in volume:
                    wanted.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
    return {one for one in wanted if one not in objects and not (one[0] == "Secret" and one[1] in SECRETS)}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tool", ["kustomize", "helm"])
def test_each_way_to_install_is_taken(way: str, tool: str, tmp_path: Path) -> None:
    """By a server that checks schemas, scopes and namespaces; a second time, nothing changes.

    A tenant may create nothing cluster-wide, and the other ways need who may.
    """
    tenant = way == "overlays/tenant"
    with serving(Cluster(tenant=tenant)) as cluster:
        if tenant or tool == "helm":  # with --create-namespace
            cluster.add_namespace(NAME)
        text = "" if tool == "kustomize" else "\n---\n".join(json.dumps(one) for one in charted(WAYS[way]).values())
        arguments = ["-k", str(KUSTOMIZE / way)] if tool == "kustomize" else ["-f", "-"]
        done = apply(cluster, tmp_path, arguments, text)
        assert done.returncode == 0, done.stderr
        assert not dangling(cluster.named())
        assert done.stdout.count(" created") == len(cluster.objects) - (tenant or tool == "helm")
        again = apply(cluster, tmp_path, arguments, text)
        assert again.returncode == 0, again.stderr
        assert again.stdout.count(" unchanged") == done.stdout.count(" created")


@pytest.mark.slow
def test_what_is_not_a_tenants_is_refused(tmp_path: Path) -> None:
    """The simulated cluster says no where a real one would: to cluster roles, and to a namespace that is not there."""
    with serving(Cluster(tenant=True)) as cluster:
        done = apply(cluster, tmp_path, ["-k", str(KUSTOMIZE / "base")])
    assert done.returncode == 1
    assert "is forbidden" in done.stderr
    assert "not found" in done.stderr
