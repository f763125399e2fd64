"""Bindings to accounts of another namespace of the same organization, or of one that has none."""

from audit.checks.context import CheckContext
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, home
from audit.tables.arrays import Mask


def accounts(context: CheckContext) -> Mask:
    """Return for each row of `bindings` whether it names an account, or all accounts of one namespace."""
    rows = context.bindings
    return rows.of(ACCOUNT) | rows.of(GROUP, lambda name: name.startswith(f"{ACCOUNTS}:"))


def neighbours(context: CheckContext) -> Mask:
    """Return which rows are about accounts of another namespace, of the same organization or of none."""
    rows = accounts(context) & context.bindings.local & context.strangers
    return context.bindings.pairs(
        rows, lambda subject, namespace: home(subject) != namespace and not of_others(context, subject, namespace)
    )


def of_others(context: CheckContext, subject: str, namespace: str) -> bool:
    """Return whether an account's namespace is known to belong to another organization than `namespace`."""
    theirs, ours = (context.owner(name) for name in (home(subject), namespace))
    return bool(theirs and ours) and theirs != ours


def foreign_accounts(context: CheckContext) -> Mask:
    """Return which rows are about accounts of another organization."""
    rows = accounts(context) & context.bindings.local & context.strangers
    return context.bindings.pairs(rows, lambda subject, namespace: of_others(context, subject, namespace))


def any_right(context: CheckContext) -> Mask:
    """Return which rows grant any right."""
    return context.bindings.can(*RIGHTS)
