"""The page's table of subjects: in how many namespaces each has access, its groups and its tokens."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from audit.rbac.subjects import ACCOUNT, Identity
from audit.tables.arrays import Mask
from audit.tables.model import Numbers, Table, Text, joined, text_column
from audit.tables.schemas import YES
from audit.tenancy.belonging import EVERY, OTHER
from audit.tenancy.organizations import Organizations
from reports.html.counting import Distinct, Numbered, count, first, looked_up, matched, numbered
from reports.html.outsiders import is_outside, namespaces_by_organization, outsiders, without_outsiders
from reports.html.reach import Reach
from reports.html.table_columns import ACTIONS, PLACE, WHO, Columns, descending, unclear, with_columns

# The default order of the page: the most powerful first.
_ORDER: Final = ("push_everywhere", "pull_everywhere", "push_outside", "push_namespaces", "pull_namespaces")


def subject_table(tables: Mapping[str, Table], organizations: Organizations) -> Table:
    """Return the subjects with the number of namespaces in which each can do what, and its strongest kind of grant.

    A user or group is the same in all zones; a service account belongs to one zone.
    """
    access = tables["access"]
    zone = access.text("zone")
    accounts = access.where("subject_kind", {ACCOUNT})
    own_zone = looked_up(zone, np.where(accounts, np.arange(len(access)), -1))
    access = with_columns(access, {"own_zone": joined([Table("", {"": own_zone})]).text("")})
    who, place, zones = (numbered(access, names) for names in ((*WHO, "own_zone"), PLACE, ["zone"]))
    at = first(who)
    size, wide = len(at), access.where("namespace", {EVERY})
    subjects = access.take(at)
    columns: Columns = {name: subjects.text(name) for name in WHO}
    columns["zone"] = subjects.text("own_zone")
    columns["organization"] = _organizations_of(subjects, organizations)
    columns["zones"] = Distinct(who, zones, size).count()
    identities = [Identity(*key) for key in zip(*(subjects.text(name).strings() for name in WHO), strict=True)]
    reach = Reach(access, who, identities, subjects.text("own_zone").strings(), tables["namespaces"])
    outside = _Outside(access, who, Distinct(who, place, size), tables["namespaces"], organizations)
    for action in ACTIONS:
        able = access.numbers(action) == YES
        columns[f"{action}_namespaces"], columns[f"{action}_everywhere"] = reach.count(able)
        if action != "create":
            columns[f"{action}_outside"] = outside.count(able)
    columns["unknown"] = count(who, unclear(access), size)
    explained = ~access.where("how", {""})
    # A row without a grant comes last; of two equally strong rows the cluster-wide one counts.
    best = first(who, 16 * explained + 2 * _strength(access) + wide)
    columns["how"] = access.take(best).text("how")
    columns["members"] = subjects.numbers("members")
    columns["account"] = subjects.text("account")
    columns["tokens"] = _tokens_of(tables, Table("", columns))
    return descending(Table("subjects", columns), *_ORDER)


class _Outside:
    """Counts for each subject the namespaces of other organizations that it has access to."""

    def __init__(
        self, access: Table, who: Numbered, places: Distinct, namespaces: Table, organizations: Organizations
    ) -> None:
        self._access, self._who, self._places, self._organizations = access, who, places, organizations
        self._other = access.where("belongs", {OTHER})
        self._owners = namespaces_by_organization(namespaces)

    def count(self, able: Mask) -> Numbers:
        """Return in how many such namespaces each subject has what the rows `able` give."""
        wide = [*outsiders(self._access, able, self._organizations)]
        counts = self._places.count(without_outsiders(self._access, able & self._other, self._who, wide))
        for subject in wide:
            owners = self._owners.get(subject.zone, Counter())
            counts[self._who[subject.row]] += sum(n for owner, n in owners.items() if is_outside(subject, owner))
        return counts


def _organizations_of(subjects: Table, organizations: Organizations) -> Text:
    """Return the organizations of each subject, as a JSON list: a name may contain any separator."""
    columns = (subjects.text(name).strings() for name in ("zone", *WHO))
    names = [sorted(organizations.of_subject(*who)) for who in zip(*columns, strict=True)]
    return text_column([json.dumps(some) if some else "" for some in names])


def _strength(access: Table) -> Numbered:
    """Return the strength of each row: create above push above pull."""
    pull, push, create = ((access.numbers(action) == YES).astype(np.int64) for action in ACTIONS)
    strength: Numbered = pull + 2 * push + 4 * create
    return strength


def _tokens_of(tables: Mapping[str, Table], subjects: Table) -> Numbers:
    """Return how many non-expiring tokens each service account has; -1 where tokens were not listed."""
    tokens, coverage = tables["tokens"], tables["coverage"]
    owners = Table("", {"zone": tokens.text("zone"), "subject": tokens.text("account")})
    accounts = subjects.where("subject_kind", {ACCOUNT})
    where = matched(owners, Table("", {name: subjects.text(name) for name in owners.columns}), ("zone", "subject"))
    counts = count(where, where >= 0, len(subjects))
    blind = coverage.take(coverage.where("kind", {"tokens"}) & ~coverage.where("state", {"seen"}))
    unseen = set(blind.text("zone").strings())
    unknown = accounts & subjects.where("zone", {*unseen}) & (counts == 0)
    return np.where(unknown, -1, counts).astype(np.int32)
