"""Names of files and of kinds -> the kind of object that is meant, as people and `oc` write them."""

import re
from typing import Final

from audit.snapshot.objects import KINDS, PROJECTS, Kind

# An older API of OpenShift for roles and bindings, with other kinds of subjects (`audit.collect.dumps.legacy`).
LEGACY_GROUP: Final = "authorization.openshift.io"
RBAC: Final = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
DATA: Final = (".json", ".yaml", ".yml", ".ndjson", ".jsonl")
PACKED: Final = (".gz", ".xz", ".bz2")
ARCHIVES: Final = (".tar", ".tgz", ".txz", ".zip")

_SHORT: Final = {
    "namespaces": ("ns", "projects", "project", "proj"),
    "clusterroles": ("cr",),
    "clusterrolebindings": ("crb",),
    "rolebindings": ("rb",),
    "serviceaccounts": ("sa",),
    "imagestreams": ("is",),
}
_NAMES: Final = {
    name: kind
    for kind in KINDS.values()
    for name in (kind.plural, *([] if kind.resource else [kind.singular.lower()]), *_SHORT.get(kind.plural, ()))
}
_GROUPS: Final = {kind.group for kind in KINDS.values()} | {LEGACY_GROUP, PROJECTS.group}
_SINGULARS: Final = {kind.singular: kind for kind in KINDS.values() if not kind.resource} | {
    PROJECTS.singular: KINDS["namespaces"]
}
_IN_TREE: Final = re.compile(
    r"(?P<root>(?:.*?/)??)(?:cluster-scoped-resources|namespaces/(?P<namespace>[^/]+))/"
    r"(?:(?P<group>[^/]+)/(?P<plural>[^/]+?)(?:/(?P<object>[^/]+))?\.ya?ml|(?P<own>[^/]+)\.yaml)"
)
_TREE: Final = re.compile(r"(?P<root>(?:.*?/)??)(?:cluster-scoped-resources|namespaces)/.*")


def stem_of(name: str) -> str:
    """Return a file's name without folders and without the endings for its format and its compression."""
    stem = name.rpartition("/")[2]
    for endings in (PACKED, (*DATA, *ARCHIVES)):
        ending = next((ending for ending in endings if stem.lower().endswith(ending)), "")
        stem = stem[: len(stem) - len(ending)]
    return stem


def named_kind(name: str) -> Kind | None:
    """Return the kind that a file's name says: `roles.json`, `rb.yaml.gz`, `groups.user.openshift.io.json`."""
    first, _, rest = re.sub(r"[-_ ]", "", stem_of(name).lower()).partition(".")
    group = re.sub(r"^v\d+\w*\.", "", rest)
    return _NAMES.get(first) if not group or group in _GROUPS else None


def is_data(name: str) -> bool:
    """Return whether a file's name is that of a list or an object."""
    bare = name.lower()
    for ending in PACKED:
        bare = bare.removesuffix(ending)
    return bare.endswith(DATA)


def is_yaml(name: str) -> bool:
    """Return whether a file's name says that it is YAML."""
    bare = name.lower()
    for ending in PACKED:
        bare = bare.removesuffix(ending)
    return bare.endswith((".yaml", ".yml"))


def is_archive(name: str) -> bool:
    """Return whether a file's name is that of an archive."""
    bare = name.lower()
    for ending in PACKED:
        bare = bare.removesuffix(ending)
    return bare.endswith(ARCHIVES)


def kind_of(singular: str, api: str) -> Kind | None:
    """Return the kind of an object by its `kind` and `apiVersion`; None for all that decide nothing here."""
    kind = _SINGULARS.get(singular)
    group = api.rpartition("/")[0]
    if not kind or not group:  # OpenShift 3 has all of its kinds in `v1` as well
        return kind
    if singular == PROJECTS.singular:
        return kind if group == PROJECTS.group else None
    return kind if group == kind.group or (group == LEGACY_GROUP and kind.plural in RBAC) else None


def tree_root(name: str) -> str | None:
    """Return the folder of the tree of `oc adm inspect` that a file is part of, with a slash at its end."""
    match = _TREE.fullmatch(name)
    return match["root"] if match else None


def tree_place(name: str) -> tuple[str, Kind, str] | None:
    """Return root, kind and namespace ("": cluster-scoped) of a file in a tree of `oc adm inspect`.

    None for files that hold nothing of interest.
    """
    match = _IN_TREE.fullmatch(name)
    if not match:
        return None
    namespace = match["namespace"] or ""
    if match["own"]:
        return (match["root"], KINDS["namespaces"], "") if match["own"] == namespace else None
    kind = _NAMES.get(match["plural"])
    if not kind or kind.plural == "tokens" or (kind.namespaced != bool(namespace)):
        return None
    group = "" if match["group"] == "core" else match["group"]
    legacy = group in {LEGACY_GROUP, PROJECTS.group}
    return (match["root"], kind, namespace) if legacy or group == kind.group else None
