"""The names of roles, bindings, groups and users that OpenShift and APPUiO create in every cluster."""

import re
from typing import Final

_CONTROLLERS: Final = """
    attachdetach-controller bootstrap-signer certificate-controller cloud-provider
    clusterrole-aggregation-controller cronjob-controller daemon-set-controller deployment-controller
    device-taint-eviction-controller disruption-controller endpoint-controller endpointslice-controller
    endpointslicemirroring-controller ephemeral-volume-controller expand-controller generic-garbage-collector
    horizontal-pod-autoscaler job-controller legacy-service-account-token-cleaner namespace-controller
    node-controller persistent-volume-binder pod-garbage-collector pv-protection-controller
    pvc-protection-controller replicaset-controller replication-controller resource-claim-controller
    resourcequota-controller root-ca-cert-publisher route-controller selinux-warning-controller
    service-account-controller service-ca-cert-publisher service-cidrs-controller service-controller
    statefulset-controller token-cleaner ttl-after-finished-controller ttl-controller
    validatingadmissionpolicy-status-controller volumeattributesclass-protection-controller
"""
_OPENSHIFT_CONTROLLERS: Final = """
    build-config-change-controller build-controller cluster-quota-reconciliation-controller
    default-rolebindings-controller deployer-controller deploymentconfig-controller horizontal-pod-autoscaler
    image-import-controller image-trigger-controller origin-namespace-controller pv-recycler-controller
    resourcequota-controller service-ingress-ip-controller serviceaccount-controller
    serviceaccount-pull-secrets-controller template-instance-controller template-instance-finalizer-controller
    template-service-broker unidling-controller
"""
_OPENSHIFT: Final = """
    aggregate-to-admin aggregate-to-basic-user aggregate-to-cluster-reader aggregate-to-edit
    aggregate-to-storage-admin aggregate-to-view discovery public-info-viewer templateservicebroker-client
"""
_OTHERS: Final = """
    :extension-apiserver-authentication-reader :leader-locking-kube-controller-manager
    :leader-locking-kube-scheduler admin aggregate-to-admin aggregate-to-edit aggregate-to-view anonymous
    apiserver auth-delegator authenticated authenticated:oauth basic-user build-strategy-custom
    build-strategy-docker build-strategy-jenkinspipeline build-strategy-source
    certificates.k8s.io:certificatesigningrequests:nodeclient
    certificates.k8s.io:certificatesigningrequests:selfnodeclient
    certificates.k8s.io:kube-apiserver-client-approver
    certificates.k8s.io:kube-apiserver-client-kubelet-approver certificates.k8s.io:kubelet-serving-approver
    certificates.k8s.io:legacy-unknown-approver cluster-admins cluster-readers deployer deployers discovery
    heapster image-auditor image-builder image-builders image-puller image-pullers image-pusher image-signer
    kube-aggregator kube-controller-manager kube-dns kube-proxy kube-scheduler kubelet-api-admin master masters
    monitoring node node-admin node-bootstrapper node-problem-detector node-proxier node-reader nodes
    oauth-token-deleter openshift-master persistent-volume-provisioner public-info-viewer router
    scope-impersonation sdn-manager sdn-reader service-account-issuer-discovery serviceaccounts unauthenticated
    volume-scheduler webhook
"""
# Every one begins with `system:`.
SYSTEM_NAMES: Final = frozenset(
    f"{prefix}{name}"
    for prefix, names in (
        ("system:controller:", _CONTROLLERS),
        ("system:openshift:controller:", _OPENSHIFT_CONTROLLERS),
        ("system:openshift:", _OPENSHIFT),
        ("system:", _OTHERS),
    )
    for name in names.split()
)
# Roles of OpenShift and APPUiO, and bindings that they make in every namespace.
ROLES: Final = frozenset(
    {
        *("admin", "alert-routing-edit", "basic-user", "cluster-admin", "cluster-admins", "cluster-debugger"),
        *("cluster-reader", "cluster-readers", "cluster-status", "edit", "monitoring-edit", "monitoring-edit-probe"),
        *("namespace-owner", "organization-admin", "registry-admin", "registry-editor", "registry-viewer"),
        *("self-access-reviewer", "self-provisioner", "self-provisioners", "shared-resource-viewer"),
        *("shared-resource-viewers", "storage-admin", "sudoer", "view"),
    }
)
# Users and groups that the API server's bootstrap bindings name, and identities of the control plane's certificates.
BOOTSTRAP_USERS: Final = frozenset(
    {
        *("system:admin", "system:aggregator", "system:apiserver", "system:kube-apiserver", "system:kube-proxy"),
        *("system:kube-controller-manager", "system:kube-scheduler", "system:master", "system:openshift-aggregator"),
        *("system:openshift-master", "system:openshift-registry"),
    }
)
BOOTSTRAP_GROUPS: Final = frozenset(
    {
        *("system:bootstrappers", "system:cluster-admins", "system:cluster-readers", "system:masters"),
        *("system:monitoring", "system:node-admins", "system:nodes"),
    }
)
_CORE: Final = """
    openshift-apiserver-operator:openshift-apiserver-operator openshift-apiserver:openshift-apiserver-sa
    openshift-authentication-operator:authentication-operator openshift-authentication:oauth-openshift
    openshift-cluster-samples-operator:cluster-samples-operator
    openshift-cluster-storage-operator:cluster-storage-operator
    openshift-cluster-version:cluster-version-operator openshift-cluster-version:default
    openshift-config-operator:openshift-config-operator
    openshift-controller-manager-operator:openshift-controller-manager-operator
    openshift-controller-manager:openshift-controller-manager-sa openshift-etcd-operator:etcd-operator
    openshift-etcd:installer-sa openshift-image-registry:cluster-image-registry-operator
    openshift-image-registry:pruner openshift-image-registry:registry openshift-insights:gather
    openshift-insights:operator openshift-kube-apiserver-operator:kube-apiserver-operator
    openshift-kube-apiserver:installer-sa openshift-kube-apiserver:localhost-recovery-client
    openshift-kube-controller-manager-operator:kube-controller-manager-operator
    openshift-kube-controller-manager:installer-sa openshift-kube-controller-manager:localhost-recovery-client
    openshift-kube-scheduler-operator:openshift-kube-scheduler-operator openshift-kube-scheduler:installer-sa
    openshift-kube-scheduler:localhost-recovery-client
    openshift-kube-storage-version-migrator-operator:kube-storage-version-migrator-operator
    openshift-kube-storage-version-migrator:kube-storage-version-migrator-sa
    openshift-machine-config-operator:machine-config-operator openshift-network-operator:cluster-network-operator
    openshift-oauth-apiserver:oauth-apiserver-sa openshift-operator-controller:operator-controller-controller-manager
    openshift-operator-lifecycle-manager:olm-operator-serviceaccount
    openshift-route-controller-manager:route-controller-manager-sa openshift-service-ca-operator:service-ca-operator
    openshift-service-ca:service-ca
"""
# Accounts of the control plane's controllers and of the operators of an OpenShift release, which bind some at runtime.
BOOTSTRAP_ACCOUNTS: Final = frozenset(
    {
        "kube-system:kube-dns",
        "openshift-infra:node-bootstrapper",
        *(f"kube-system:{name}" for name in _CONTROLLERS.split()),
        *(f"openshift-infra:{name}" for name in _OPENSHIFT_CONTROLLERS.split()),
        *_CORE.split(),
    }
)
# Anybody's operators and accounts are in these, although the platform creates them.
SHARED_NAMESPACES: Final = frozenset(
    {"default", "kube-public", "kube-system", "openshift", "openshift-marketplace", "openshift-operators"}
)
# The first administrator, who has no user object.
USERS: Final = frozenset({"kube:admin"})
# Service accounts that every namespace has.
ACCOUNTS: Final = frozenset({"default", "builder", "deployer"})

# Names that OpenShift reserves, whatever a configuration adds to the platform's namespaces: those may name a customer.
_NAMESPACE: Final = re.compile(r"default|kube-.*|openshift(-.*)?", re.DOTALL)


def is_openshift_namespace(name: str) -> bool:
    """Return whether a namespace has one of the names that OpenShift reserves for itself."""
    return _NAMESPACE.fullmatch(name) is not None
