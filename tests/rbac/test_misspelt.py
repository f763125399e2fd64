"""Built-in subjects as people misspell them."""

import pytest

from audit.rbac.misspelt import meant_by


@pytest.mark.parametrize(
    ("kind", "name", "meant"),
    [
        ("Group", "system:autenticated", "system:authenticated"),
        ("Group", "System:Authenticated", "system:authenticated"),
        ("Group", "authenticated", "system:authenticated"),
        ("Group", "system:authenticated:ouath", "system:authenticated:oauth"),
        ("Group", "system:unautenticated", "system:unauthenticated"),
        ("Group", "system:master", "system:masters"),
        ("Group", "system:serviceaccount", "system:serviceaccounts"),
        ("Group", "system:serviceaccount:shop", "system:serviceaccounts:shop"),
        ("Group", "system:serviceacounts:Shop", "system:serviceaccounts:Shop"),
        ("Group", "system:serviceaccount:shop:ci", "the service account shop:ci"),
        ("User", "system:authenticated", "the group system:authenticated"),
        ("User", "system:serviceaccounts:shop", "the group system:serviceaccounts:shop"),
        ("User", "system:serviceaccount:shop", "system:serviceaccount:shop:NAME"),
    ],
)
def test_a_misspelt_name_is_recognized(kind: str, name: str, meant: str) -> None:
    """With what was probably meant."""
    assert meant_by(kind, name) == meant


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("Group", name) for name in ("system:authenticated", "system:serviceaccounts:x", "system:masters", "acme")),
        *(("Group", name) for name in ("system:node-admins", "system:cluster-readers", "system:acme-admins", "", ":")),
        *(("Group", name) for name in ("system:image-pullers", "systems:authenticated", "masters")),
        *(("User", name) for name in ("ann", "system:admin", "system:serviceaccount:a:b", "system:autenticated", "")),
        ("ServiceAccount", "system:authenticated"),
    ],
)
def test_another_name_is_not(kind: str, name: str) -> None:
    """A built-in group itself, another `system:` name, anybody's own name, and names of other kinds."""
    assert meant_by(kind, name) == ""
