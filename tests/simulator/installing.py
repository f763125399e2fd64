"""An API server that takes what is installed: discovery for kubectl, and objects that refer to what is there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import kubernetes_validate

Object = dict[str, Any]

# By path of the group: the kinds, each with its plural, and whether it is in a namespace.
KINDS: dict[str, dict[str, tuple[str, bool]]] = {
    "/api/v1": {
        "Namespace": ("namespaces", False),
        "ServiceAccount": ("serviceaccounts", True),
        "ConfigMap": ("configmaps", True),
        "PersistentVolumeClaim": ("persistentvolumeclaims", True),
    },
    "/apis/batch/v1": {"CronJob": ("cronjobs", True)},
    "/apis/networking.k8s.io/v1": {"NetworkPolicy": ("networkpolicies", True)},
    "/apis/rbac.authorization.k8s.io/v1": {
        "ClusterRole": ("clusterroles", False),
        "ClusterRoleBinding": ("clusterrolebindings", False),
    },
    "/apis/monitoring.coreos.com/v1": {"PrometheusRule": ("prometheusrules", True)},
}
_CUSTOM = {"PrometheusRule"}  # no part of Kubernetes: their schemas are the operator's


@dataclass
class Cluster:
    """Objects by their path. A `tenant` may write in the namespaces that are there, and create nothing else."""

    tenant: bool = False
    url: str = ""
    objects: dict[str, Object] = field(default_factory=dict)

    def named(self) -> dict[tuple[str, str], Object]:
        return {(one["kind"], one["metadata"]["name"]): one for one in self.objects.values()}

    def add_namespace(self, name: str) -> None:
        self.objects[f"/api/v1/namespaces/{name}"] = {"kind": "Namespace", "metadata": {"name": name}}

    def create(self, path: str, given: Object) -> tuple[int, Object]:
        """Return the status and the answer to a request that creates an object in the collection at `path`."""
        group = next(group for group in KINDS if path.startswith(f"{group}/"))
        parts = path.removeprefix(f"{group}/").split("/")
        plural, spaced = KINDS[group][given["kind"]]
        if self.tenant and not spaced:
            return status(403, f"{plural} is forbidden: cannot create resource at the cluster scope")
        if parts[-1] != plural or (len(parts) == 3) is not spaced:  # namespaces/NAME/PLURAL
            return status(404, "the server could not find the requested resource")
        if spaced and f"/api/v1/namespaces/{parts[1]}" not in self.objects:
            return status(404, f'namespaces "{parts[1]}" not found')
        if given["kind"] not in _CUSTOM:
            kubernetes_validate.validate(given, "1.37", strict=True)
        where = f"{path}/{given['metadata']['name']}"
        if where in self.objects:
            return status(409, f"{plural} already exists")
        self.objects[where] = given
        return 201, given


def status(code: int, message: str) -> tuple[int, Object]:
    reason = {403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}[code]
    answer = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return code, {**answer, "message": message}


def _discovery(path: str) -> Object | None:
    if path == "/version":
        return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [group.split("/")[2] for group in KINDS if group.startswith("/apis/")]
        listed = [{"groupVersion": f"{group}/v1", "version": "v1"} for group in groups]
        found = [
            {"name": group, "versions": [version], "preferredVersion": version}
            for group, version in zip(groups, listed, strict=True)
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}
    if path in KINDS:
        verbs = ["create", "get", "list", "patch"]
        resources = [
            {"name": plural, "kind": kind, "namespaced": spaced, "verbs": verbs}
            for kind, (plural, spaced) in KINDS[path].items()
        ]
        return {"kind": "APIResourceList", "groupVersion": path.partition("/")[2], "resources": resources} | {
            "groupVersion": path.removeprefix("/apis/").removeprefix("/api/")
        }
    return None


def _handler(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = _discovery(path) or cluster.objects.get(path)
            self._answer(*((200, found) if found else status(404, f"{path} not found")))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(*cluster.create(self.path.partition("?")[0], body))

        def _answer(self, code: int, content: Object) -> None:
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def serving(cluster: Cluster) -> Iterator[Cluster]:
    """Serve a cluster until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(cluster))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    cluster.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
