"""The parts of Kubernetes objects that decide registry access, as LIST answers carry them.

Only the fields needed are declared, so decoding skips the rest of the bytes. Field names on the wire follow
`core/v1`, `rbac.authorization.k8s.io/v1`, `user.openshift.io/v1` and `image.openshift.io/v1`.
"""

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from msgspec import Struct, field


class Meta(Struct, frozen=True, gc=False):
    """An object's name, place and age (`metadata`)."""

    name: str
    namespace: str = ""
    uid: str = ""
    created: str | None = field(default=None, name="creationTimestamp")


class LabelledMeta(Struct, frozen=True):
    """Metadata of the kinds whose labels matter: namespaces and roles."""

    name: str
    namespace: str = ""
    uid: str = ""
    created: str | None = field(default=None, name="creationTimestamp")
    labels: dict[str, str] | None = None


class ReleaseAnnotations(Struct, frozen=True):
    """The annotations by which an OpenShift release says in which clusters it creates an object."""

    self_managed: Any = field(default=None, name="include.release.openshift.io/self-managed-high-availability")
    hosted: Any = field(default=None, name="include.release.openshift.io/ibm-cloud-managed")
    hypershift: Any = field(default=None, name="include.release.openshift.io/hypershift")


class ReleaseMeta(LabelledMeta, frozen=True):
    """Metadata of the kinds that an OpenShift release creates, with what shows it."""

    annotations: ReleaseAnnotations | None = None
    owners: Any = field(default=None, name="ownerReferences")
    deleted: str | None = field(default=None, name="deletionTimestamp")

    @property
    def made_by(self) -> str:
        """Return RELEASE for an object that the cluster version operator applies and restores, or an empty text."""
        notes = self.annotations
        if notes and "true" in (notes.self_managed, notes.hosted, notes.hypershift):
            return RELEASE
        owners = self.owners if isinstance(self.owners, list) else []
        return RELEASE if any(isinstance(owner, dict) and _is_release(owner) for owner in owners) else ""


RELEASE: Final = "release"


def _is_release(owner: dict[str, Any]) -> bool:
    api = str(owner.get("apiVersion", ""))
    return owner.get("kind") == "ClusterVersion" and api.startswith("config.openshift.io/")


class Namespace(Struct, frozen=True):
    """A namespace (`core/v1`)."""

    metadata: ReleaseMeta


class Rule(Struct, frozen=True, omit_defaults=True):
    """One policy rule of a role. Rules for `nonResourceURLs` have no resources and cover nothing here.

    `urls` only tells these from rules that are damaged, and is not kept.
    """

    verbs: list[str] | None = None
    groups: list[str] | None = field(default=None, name="apiGroups")
    resources: list[str] | None = None
    names: list[str] | None = field(default=None, name="resourceNames")
    urls: list[str] | None = field(default=None, name="nonResourceURLs")


class Requirement(Struct, frozen=True, omit_defaults=True):
    """One expression of a label selector."""

    key: str
    operator: str
    values: list[str] | None = None


class Selector(Struct, frozen=True, omit_defaults=True):
    """A label selector (`meta/v1`)."""

    labels: dict[str, str] | None = field(default=None, name="matchLabels")
    expressions: list[Requirement] | None = field(default=None, name="matchExpressions")


class Aggregation(Struct, frozen=True, omit_defaults=True):
    """Which cluster roles a controller copies rules from. Explains a role's rules; grants nothing itself."""

    selectors: list[Selector] | None = field(default=None, name="clusterRoleSelectors")


class Role(Struct, frozen=True):
    """A Role, or a ClusterRole when it has no namespace. Servers always write `rules`, be it null."""

    metadata: LabelledMeta
    rules: list[Rule] | None
    aggregation: Aggregation | None = field(default=None, name="aggregationRule")


class Subject(Struct, frozen=True, gc=False):
    """A subject of a binding. Only `kind` decides how it is matched, as in the API server's authorizer."""

    kind: str
    name: str
    namespace: str = ""


class RoleRef(Struct, frozen=True, gc=False):
    """The role that a binding refers to."""

    kind: str
    name: str


class Binding(Struct, frozen=True):
    """A RoleBinding, or a ClusterRoleBinding when it has no namespace."""

    metadata: ReleaseMeta
    role: RoleRef = field(name="roleRef")
    subjects: list[Subject] | None = None


class Group(Struct, frozen=True, gc=False):
    """A group of users (`user.openshift.io/v1`). Servers always write `users`, be it null."""

    metadata: Meta
    users: list[str] | None


class ServiceAccount(Struct, frozen=True, gc=False):
    """A service account; its secrets are never decoded."""

    metadata: Meta


class TagEvent(Struct, frozen=True, gc=False):
    """One image, a digest, that a tag has pointed to."""

    created: str | None = None
    image: str | None = None


class Tag(Struct, frozen=True, gc=False):
    """A tag of an image stream; the first item is what it points to now."""

    items: list[TagEvent] | None = None
    tag: str | None = None


class Reference(Struct, frozen=True, gc=False):
    """What a tag follows, or where a build puts its image."""

    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class SpecTag(Struct, frozen=True, gc=False):
    """A tag as somebody asked for it."""

    name: str | None = None
    source: Reference | None = field(default=None, name="from")


class StreamSpec(Struct, frozen=True, gc=False):
    """The tags that somebody asked for."""

    tags: list[SpecTag] | None = None


class StreamStatus(Struct, frozen=True, gc=False):
    """What was pushed to or imported into an image stream, and its public address: `HOST/NAMESPACE/NAME`."""

    tags: list[Tag] | None = None
    public: Any = field(default=None, name="publicDockerImageRepository")


class ImageStream(Struct, frozen=True, gc=False):
    """An image stream: a repository of the registry."""

    metadata: Meta
    status: StreamStatus | None = None
    spec: StreamSpec | None = None

    def images(self) -> "list[TaggedImage]":
        """Return each image that a tag points to or has pointed to: all of them can be pulled from this stream."""
        wanted = {tag.name: tag.source for tag in (self.spec.tags if self.spec else None) or () if tag.source}
        return [
            TaggedImage(tag.tag or "", event.image, event.created or "", self._followed(wanted.get(tag.tag)))
            for tag in (self.status.tags if self.status else None) or ()
            for event in tag.items or ()
            if event.image
        ]

    def _followed(self, source: Reference | None) -> str:
        """Return the tag or image of a stream that a tag follows (`NAMESPACE/NAME`), or EXTERNAL."""
        if source is None:
            return ""
        if source.kind not in {"ImageStreamTag", "ImageStreamImage"} or not source.name:
            return EXTERNAL
        return f"{source.namespace or self.metadata.namespace}/{source.name}"

    def pushed(self) -> str:
        """Return when a tag was last pushed or imported (RFC 3339), or an empty text."""
        tags = (self.status.tags if self.status else None) or ()
        return max((tag.items[0].created or "" for tag in tags if tag.items), default="")


EXTERNAL: Final = "external"  # the source of a tag that is imported from another registry


class TaggedImage(NamedTuple):
    """An image of a tag: its digest, since when, and what the tag follows (`NAMESPACE/STREAM:TAG` or `…@DIGEST`)."""

    tag: str
    image: str
    created: str
    source: str


class User(Struct, frozen=True, gc=False):
    """A person's account (`user.openshift.io/v1`); it appears at the first login."""

    metadata: Meta


class TokenAnnotations(Struct, frozen=True, gc=False):
    """The only annotation of a token secret that is read: others may repeat the secret's value."""

    account: str = field(default="", name="kubernetes.io/service-account.name")


class TokenLabels(Struct, frozen=True, gc=False):
    """The only label of a token secret that is read: the day of its last use, which API servers set since 1.28."""

    last_used: str = field(default="", name="kubernetes.io/legacy-token-last-used")


class TokenMeta(Struct, frozen=True, gc=False):
    """Metadata of a token secret."""

    name: str
    namespace: str = ""
    uid: str = ""
    created: str | None = field(default=None, name="creationTimestamp")
    annotations: TokenAnnotations | None = None
    labels: TokenLabels | None = None


class Token(Struct, frozen=True, gc=False):
    """The metadata of a secret with a service account token that does not expire; its value is never requested."""

    metadata: TokenMeta


class Owner(Struct, frozen=True, gc=False):
    """What made a pod."""

    kind: str | None = None
    name: str | None = None


class PodLabels(Struct, frozen=True, gc=False):
    """The only label of a pod that is read: it is the end of the name of a Deployment's ReplicaSet."""

    template: str | None = field(default=None, name="pod-template-hash")


class PodMeta(Struct, frozen=True, gc=False):
    """Metadata of a pod."""

    name: str
    namespace: str = ""
    uid: str = ""
    created: str | None = field(default=None, name="creationTimestamp")
    labels: PodLabels | None = None
    owners: list[Owner] | None = field(default=None, name="ownerReferences")


class Container(Struct, frozen=True, gc=False):
    """The image that a container was asked to run; nothing else of it is read, and no variable."""

    image: str | None = None


class ContainerStatus(Struct, frozen=True, gc=False):
    """The image that a container runs: `…@DIGEST`."""

    image: str | None = field(default=None, name="imageID")


class PullSecret(Struct, frozen=True, gc=False):
    """The name of a secret with which images are pulled."""

    name: str | None = None


class PodSpec(Struct, frozen=True, gc=False):
    """The account, images and pull secrets of a pod."""

    account: str | None = field(default=None, name="serviceAccountName")
    containers: list[Container] | None = None
    first: list[Container] | None = field(default=None, name="initContainers")
    secrets: list[PullSecret] | None = field(default=None, name="imagePullSecrets")


class PodStatus(Struct, frozen=True, gc=False):
    """The images that the containers of a pod run."""

    containers: list[ContainerStatus] | None = field(default=None, name="containerStatuses")
    first: list[ContainerStatus] | None = field(default=None, name="initContainerStatuses")


class Pod(Struct, frozen=True, gc=False):
    """A pod: which images run, by whose account."""

    metadata: PodMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None

    def owner(self) -> tuple[str, str]:
        """Return the kind and name of what the pod belongs to: the Deployment, not its ReplicaSet."""
        owner = next((reference for reference in self.metadata.owners or () if reference.kind and reference.name), None)
        if owner is None:
            return "Pod", self.metadata.name
        kind, name = str(owner.kind), str(owner.name)
        template = self.metadata.labels.template if self.metadata.labels else None
        if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
            return "Deployment", name.removesuffix(f"-{template}")
        return kind, name

    def images(self) -> list[str]:
        """Return the images that were asked for and those that run, each once."""
        asked = [container.image for container in self._all(self.spec)]
        run = [container.image for container in self._all(self.status)]
        return [*dict.fromkeys(image.removeprefix("docker-pullable://") for image in (*asked, *run) if image)]

    @staticmethod
    def _all(part: PodSpec | PodStatus | None) -> "list[Container | ContainerStatus]":
        return [*(part.first or ()), *(part.containers or ())] if part else []


class BuildSpec(Struct, frozen=True, gc=False):
    """The account of a build."""

    account: str | None = field(default=None, name="serviceAccount")


class BuiltImage(Struct, frozen=True, gc=False):
    """The digest of what a build pushed."""

    digest: str | None = field(default=None, name="imageDigest")


class BuildOutput(Struct, frozen=True, gc=False):
    """What a build pushed."""

    to: BuiltImage | None = None


class BuildStatus(Struct, frozen=True, gc=False):
    """Where a build pushed its image, and when it ended."""

    finished: str | None = field(default=None, name="completionTimestamp")
    reference: str | None = field(default=None, name="outputDockerImageReference")
    output: BuildOutput | None = None


class Build(Struct, frozen=True, gc=False):
    """A build of OpenShift (`build.openshift.io/v1`): its account pushed the image."""

    metadata: Meta
    spec: BuildSpec | None = None
    status: BuildStatus | None = None


class UserRef(Struct, frozen=True, gc=False):
    """A user who is declared to be a member."""

    name: str


class Members(Struct, frozen=True, gc=False):
    """The users who are declared to be members."""

    users: list[UserRef] | None = field(default=None, name="userRefs")


class Membership(Struct, frozen=True, gc=False):
    """The members of an organization or of a team (`appuio.io/v1`); its namespace is the organization."""

    metadata: Meta
    spec: Members | None = None


class CloudProvider(Struct, frozen=True):
    """Where a zone runs."""

    name: str = ""
    region: str = ""


class ZoneData(Struct, frozen=True):
    """What the control API says about a zone."""

    name: str = field(default="", name="displayName")
    urls: dict[str, str] | None = None
    features: dict[str, str] | None = None
    provider: CloudProvider | None = field(default=None, name="cloudProvider")
    domain: str = field(default="", name="defaultAppDomain")
    gateways: list[str] | None = field(default=None, name="gatewayIPs")


class ListedZone(Struct, frozen=True):
    """A zone as the control API lists it (`appuio.io/v1`)."""

    metadata: Meta
    data: ZoneData = ZoneData()


Item = (
    Namespace
    | Role
    | Binding
    | Group
    | ServiceAccount
    | ImageStream
    | User
    | Token
    | Pod
    | Build
    | Membership
    | ListedZone
)


class Kind(Struct, frozen=True):
    """One kind of object that is listed: its plural, its singular as in `kind:`, and where the API serves it."""

    plural: str
    singular: str
    group: str
    item: type[Item]
    namespaced: bool = False
    optional: bool = False  # not needed to answer questions about access: a dump may lack it
    resource: str = ""  # what the API calls it, when not by the plural
    accept: str = "application/json"
    selector: str = ""  # a field selector

    @property
    def path(self) -> str:
        """Return the path of the LIST over all namespaces."""
        return self.path_in("")

    def path_in(self, namespace: str) -> str:
        """Return the path of the LIST in one namespace, or ("") over all."""
        root = f"/apis/{self.group}" if self.group else "/api"
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{root}/v1{place}/{self.resource or self.plural}"


_RBAC: Final = "rbac.authorization.k8s.io"
_APPUIO: Final = "appuio.io"
KINDS: Final[dict[str, Kind]] = {
    kind.plural: kind
    for kind in (
        Kind("namespaces", "Namespace", "", Namespace),
        Kind("clusterroles", "ClusterRole", _RBAC, Role),
        Kind("clusterrolebindings", "ClusterRoleBinding", _RBAC, Binding),
        Kind("roles", "Role", _RBAC, Role, namespaced=True),
        Kind("rolebindings", "RoleBinding", _RBAC, Binding, namespaced=True),
        Kind("groups", "Group", "user.openshift.io", Group),
        Kind("serviceaccounts", "ServiceAccount", "", ServiceAccount, namespaced=True),
        Kind("imagestreams", "ImageStream", "image.openshift.io", ImageStream, namespaced=True),
        Kind("users", "User", "user.openshift.io", User, optional=True),
        Kind(
            "tokens",
            "PartialObjectMetadata",
            "",
            Token,
            namespaced=True,
            optional=True,
            resource="secrets",
            accept="application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            selector="type=kubernetes.io/service-account-token",
        ),
        Kind("pods", "Pod", "", Pod, namespaced=True, optional=True),
        Kind("builds", "Build", "build.openshift.io", Build, namespaced=True, optional=True),
        Kind("organizationmembers", "OrganizationMembers", _APPUIO, Membership, namespaced=True, optional=True),
        Kind("teams", "Team", _APPUIO, Membership, namespaced=True, optional=True),
    )
}
# Listed by the control API, and no object of any zone.
ZONES: Final = Kind("zones", "Zone", _APPUIO, ListedZone)
# What the control API says about all zones together; it is kept with the facts of each.
DECLARED: Final = ("organizationmembers", "teams")
OF_A_ZONE: Final = tuple(plural for plural in KINDS if plural not in DECLARED)
# What tells of the use of images; large, and listed on request only.
TRACES: Final = ("pods", "builds")
# What an account without cluster-wide rights may list instead of namespaces: those that it may see.
PROJECTS: Final = Kind("projects", "Project", "project.openshift.io", Namespace)
# What answers about access need; the other kinds only help to find what is wrong.
NEEDED: Final = tuple(plural for plural, kind in KINDS.items() if not kind.optional)
