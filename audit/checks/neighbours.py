"""Bindings to accounts of another namespace of the same organization, or of one that has none."""

from audit.checks.context import CheckContext
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP
from audit.tables.arrays import Mask


def accounts(context: CheckContext) -> Mask:
    """Return for each row of `bindings` whether it names an account, or all accounts of one namespace."""
    rows = context.bindings
    return rows.of(ACCOUNT) | rows.of(GROUP, lambda name: name.startswith(f"{ACCOUNTS}:"))


def neighbours(context: CheckContext) -> Mask:
    """Return which rows are about accounts of another namespace, of the same organization or of none."""
    return context.elsewhere & ~context.foreign_accounts


def any_right(context: CheckContext) -> Mask:
    """Return which rows grant any right."""
    return context.bindings.can(*RIGHTS)
