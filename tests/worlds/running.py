"""What images streams hold, what runs them, and what built them, as the API lists these."""

from typing import Any

from tests.worlds.plain_rbac import Object
from tests.worlds.small import Piece, made

REGISTRY = "image-registry.openshift-image-registry.svc:5000"


def digest(name: str) -> str:
    return f"sha256:{name.encode().hex():0<64.64}"


def tagged(namespace: str, name: str, follows: dict[str, Object] | None = None, **tags: list[str]) -> Piece:
    """A stream; `tags` are the images of each tag, the newest first; `follows` is what tags are made from."""
    status = [
        {
            "tag": tag,
            "items": [
                {"created": f"2026-02-{20 - at:02}T00:00:00Z", "image": digest(image)}
                for at, image in enumerate(images)
            ],
        }
        for tag, images in tags.items()
    ]
    spec = [{"name": tag, "from": source} for tag, source in (follows or {}).items()]
    return "imagestreams", made(name, namespace, status={"tags": status}, spec={"tags": spec})


def pod(namespace: str, name: str, *images: str, account: str = "ci", owner: tuple[str, str] | None = None) -> Piece:
    """A pod; `owner` is a kind and a name."""
    one: Any = made(name, namespace)
    if owner:
        one["metadata"]["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "apiVersion": "apps/v1"}]
        one["metadata"]["labels"] = {"pod-template-hash": owner[1].rpartition("-")[2]}
    one["spec"] = {
        "serviceAccountName": account,
        "imagePullSecrets": [{"name": "pull"}],
        "containers": [
            {"name": str(at), "image": image, "env": [{"name": "PASSWORD", "value": "canary"}]}
            for at, image in enumerate(images)
        ],
    }
    return "pods", one


def build(namespace: str, name: str, to: str, image: str, finished: str, account: str = "builder") -> Piece:
    """A build that ended; `to` is a reference, `image` the name of a digest."""
    status = {
        "completionTimestamp": finished,
        "outputDockerImageReference": to,
        "output": {"to": {"imageDigest": digest(image)}},
    }
    spec = {"serviceAccount": account, "strategy": {"dockerStrategy": {"env": [{"name": "A", "value": "canary"}]}}}
    return "builds", made(name, namespace, spec=spec, status=status)
