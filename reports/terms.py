"""The terms of all reports, commands and documents: docs/glossary.md and the page's method view are made of these.

Definitions use Markdown for code only: text between backticks.
"""

from typing import Final

from audit.rbac.rules import NEEDS, QUESTIONS


def _rights(action: str) -> str:
    """Return the rights that the registry asks for."""
    asked = [question for question in QUESTIONS if question.right & NEEDS[action]]
    return " and ".join(f"`{question.verb}` on `{question.resource}`" for question in asked)


TERMS: Final[dict[str, str]] = {
    "Zone": "An OpenShift cluster with its image registry.",
    "Subject": "A user, group or service account to which a binding grants a role. Written `user/NAME`, `group/NAME` "
    "and `sa/NAMESPACE:NAME`.",
    "Virtual group": "A group that the API server assigns by itself, without members that could be listed: "
    "`system:authenticated` (every user and service account), `system:authenticated:oauth` (every user), "
    "`system:unauthenticated` (anonymous requests), `system:serviceaccounts` and "
    "`system:serviceaccounts:NAMESPACE`. Its access is shown in its own rows, and belongs to each of its members "
    "too.",
    "Binding": "A RoleBinding, which grants in its namespace, or a ClusterRoleBinding, which grants in all namespaces.",
    "Role": "A Role or ClusterRole: a list of rules. Access is decided by rules, never by names of roles.",
    "Aggregated from": "The cluster roles whose rules a controller has copied into the role.",
    "Grant": "One way in which a subject has access: subject, the group through which it is bound, binding, role, "
    "rule.",
    "Access": "What a subject can do in a place, by all grants together: to it and to the groups that list it.",
    "Cluster-wide": "In all namespaces of a zone, present and future. The namespace of such a row is `*`.",
    "Repository": "An image stream. `*` means all repositories of the namespace; a name means that rules limit the "
    "access to it.",
    "Pull": f"Needs {_rights('pull')}.",
    "Push": f"To an existing repository: needs {_rights('push')}.",
    "Create": f"Push to a new repository: needs {_rights('create')}.",
    "Delete, catalog, sign": "Delete images and prune; list all repositories of the registry; add image signatures.",
    "Yes": "The API server allows it: a binding refers to a role whose rules cover the registry's request.",
    "No": "All that could allow it was read, and nothing does.",
    "Unknown": "Data that could allow it is missing: a list was refused, a role could not be read, or the members of "
    "a group are unknown.",
    "Gap": "A list that could not be read completely, with the reason.",
    "Complete, partial, failed, stale": "The state of a zone or a run: all requested lists were read; some were; none "
    "was; or the zone could not be read and its data is from an earlier run.",
    "How": "The kind of the strongest grant. `named`: a registry role. `implied`: a role with aggregated rules "
    "(`view`, `edit`, `admin`). `system`: a role of the platform. `wildcard`: a rule for all resources. `custom`: "
    "any other role.",
    "Open for pull, open for push": "To which virtual groups a namespace is open: `anyone` (anonymous requests), "
    "`every user`, or `every account` (service accounts).",
    "Organization": "Of a namespace: its label. Of a service account: that of its namespace. Of a group: its name "
    "(`ORG`, `ORG+TEAM`). Of a user: the groups that list it.",
    "Relationship": "How a subject is related to a namespace: `own organization`, `other organization` (only where it "
    "is certain), `everybody` (a virtual group), `platform`, or `none` (the organization is unknown).",
    "Platform": "Namespaces and subjects of OpenShift itself, and those that the configuration adds (`platform`).",
    "Platform default": "Access that OpenShift creates by itself: in each namespace, its service accounts pull and "
    "its builder pushes; subjects of the platform have access to the platform's namespaces and cluster-wide. The "
    "page hides these rows at first. A row with any additional right is shown.",
    "Finding": "Access, or a defect of a binding, role or token, that a check reports. `new`, `open`, `accepted` (by "
    "an exception) or `gone`.",
    "Exception": "A decision to accept findings: by whom, why, and until when.",
    "Evidence": "The snapshots of a run, whose digests are signed with it.",
    "Snapshot": "What was read from one zone, with its gaps. Each report can be regenerated from it.",
    "Verified": "A random sample of answers was compared with the answers of the API servers: how many of them agree.",
}
