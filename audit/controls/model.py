"""A framework, its controls, and the catalog of all frameworks of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, USER

# How far a control is answered. Software alone answers hardly any control fully.
Answered = Literal["fully", "partly", "no"]
# Of whom a control speaks: people, accounts of systems, or both.
Concerned = Literal["all", "people", "accounts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control: a summary in our own words, what helps to answer it, and what this program cannot say.

    `checks` are ids of checks and `tables` names of tables. `of` narrows the findings of those checks to people or to
    accounts of systems, `role` to bindings to a cluster role of that name.
    """

    id: str
    asks: str
    not_answered: str
    checks: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    of: Concerned = "all"
    role: str = ""
    says: Answered | None = None  # None: partly if a check or table serves it

    @property
    def answered(self) -> Answered:
        """Return how far this program answers it."""
        return self.says or ("partly" if self.checks or self.tables else "no")

    def concerns(self, subject_kind: str, subject: str, role: str) -> bool:
        """Return whether a finding of its checks about this subject and cluster role (empty: none) touches it."""
        return (not self.role or role == self.role) and self.of in {"all", *_concerned(subject_kind, subject)}


_PEOPLE_AND_ACCOUNTS: Final = frozenset({"people", "accounts"})


def _concerned(kind: str, subject: str) -> frozenset[str]:
    if kind == ACCOUNT or (kind == GROUP and (subject == ACCOUNTS or subject.startswith(f"{ACCOUNTS}:"))):
        return frozenset({"accounts"})
    if kind == USER or (kind == GROUP and not subject.startswith("system:")):
        return frozenset({"people"})
    # Everybody, nobody in particular, or not known.
    return _PEOPLE_AND_ACCOUNTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One edition of a framework. `id` names it on the command line, `name` in reports; `source` is where it stands."""

    id: str
    name: str
    edition: str
    source: str
    controls: tuple[Control, ...]

    def named(self, control: Control) -> str:
        """Return the name by which reports refer to a control: `PCI DSS 4.0.1 7.2.5`."""
        return f"{self.name} {control.id}"


@dataclass(frozen=True)
class ControlCatalog:
    """The frameworks of a run, in the order of reports."""

    frameworks: Sequence[Framework]
    _seen: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _by_check(self) -> Mapping[str, Sequence[tuple[str, Control]]]:
        touched: dict[str, list[tuple[str, Control]]] = {}
        for framework in self.frameworks:
            for control in framework.controls:
                for check in control.checks:
                    touched.setdefault(check, []).append((framework.named(control), control))
        return touched

    def of_check(self, check: str) -> tuple[str, ...]:
        """Return the names of the controls that findings of a check can touch."""
        return tuple(name for name, _ in self._by_check.get(check, ()))

    def of_finding(self, check: str, subject_kind: str, subject: str, role: str) -> tuple[str, ...]:
        """Return the names of the controls that a finding touches; `role` is a cluster role, or empty."""
        # Names vary without end, what they mean here does not.
        key = check, ",".join(sorted(_concerned(subject_kind, subject))), role if role in self._roles else ""
        if key not in self._seen:
            touched = self._by_check.get(check, ())
            self._seen[key] = tuple(n for n, control in touched if control.concerns(subject_kind, subject, role))
        return self._seen[key]

    @cached_property
    def _roles(self) -> frozenset[str]:
        return frozenset(
            control.role for framework in self.frameworks for control in framework.controls if control.role
        )

    def framework(self, name: str) -> Framework | None:
        """Return a framework by its id or name, whatever the case."""
        wanted = name.casefold()
        return next(
            (
                framework
                for framework in self.frameworks
                if wanted in {framework.id.casefold(), framework.name.casefold()}
            ),
            None,
        )
