"""Ids of checks by what they are about, from which the tables of controls choose."""

from typing import Final

ANONYMOUS: Final = ("anonymous-pull", "anonymous-push")
EVERYBODY: Final = ("every-user-pull", "every-user-push", "every-account-pull", "every-account-push")
OPEN: Final = (*ANONYMOUS, *EVERYBODY, "open-unnoticed", "secrets-open")
# Access of accounts of another namespace: of the same organization, or of another.
SHARED: Final = ("other-namespace-pull", "other-namespace-push")
FOREIGN_PEOPLE: Final = ("foreign-user", "foreign-group")
FOREIGN: Final = (*FOREIGN_PEOPLE, "foreign-account", "image-elsewhere", "foreign-route")
# Rights over every namespace, and those that nobody decided to grant.
PRIVILEGED: Final = ("cluster-wide-push", "prune", "sign", "wildcard-role", "aggregation")
WIDE: Final = (*PRIVILEGED, "cluster-wide-pull", "catalog", "any-image", "group-editors")
# What findings about one binding of a role show.
BY_ROLE: Final = ("cluster-wide-push", "cluster-wide-pull", "prune", "catalog", "sign", "wildcard-role")
# Accounts of pods and pipelines that can push more than they need.
ACCOUNTS_THAT_PUSH: Final = (
    "push-with-secrets",
    "push-in-many-namespaces",
    "default-push",
    "namespace-accounts-push",
    "any-account",
)
# Rights that nobody has today, and somebody may have tomorrow.
DORMANT_ACCOUNTS: Final = ("missing-account", "missing-namespace")
DORMANT: Final = (*DORMANT_ACCOUNTS, "missing-role", "misspelt-subject", "empty-group")
# Rules and bindings that do not do what they say.
INEFFECTIVE: Final = ("no-effect", "nobody", "push-without-pull")
# Rights that, as the logs say, nobody uses.
UNUSED: Final = ("push-unused", "pull-only", "repository-unpulled")
TOKENS: Final = ("token-of-pusher", "token-unused", "token-old", "token-many")
# Who can replace what runs.
CHANGE: Final = (
    "anonymous-push",
    "every-user-push",
    "every-account-push",
    "other-namespace-push",
    "cluster-wide-push",
    *ACCOUNTS_THAT_PUSH,
    "stale-repository",
    "token-of-pusher",
    "push-by-route",
)
