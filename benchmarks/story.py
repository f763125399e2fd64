"""The story of the demo, week by week: `python -m benchmarks.story --out audit/demo/story`.

Three customers of a hosting company (acme, globex, initech) run their applications in the zones zurich and geneva. In
the second week somebody opens the images of globex-payments to every user, for pushing too. In the third, Tom leaves,
and his access stays. In the last, acme takes acme-shop-staging over from initech, which keeps its access. All along, a
contractor who may write one image of acme-shop edits acme-ci, whose account may write all of them.
"""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from audit.collect.completeness import believed
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import DUMP, SUFFIX, Listing, Origin, Snapshot, encode
from audit.snapshot.objects import KINDS
from benchmarks.estate import OF_AN_ESTATE, Estate, Object, Shape, account, group, rule, user

_FIRST: Final = datetime(2026, 10, 5, 4, tzinfo=UTC)
_WEEKS: Final = 5
OPENED, LEFT, MOVED = 1, 2, 4  # the weeks of the events
_PEOPLE: Final = {
    "acme": ("anna.keller", "marco.bianchi", "lena.frei"),
    "globex": ("priya.nair", "tom.baker", "eva.lang"),
    "initech": ("sofia.costa", "jonas.weber"),
}
_ZONES: Final[Mapping[str, Mapping[str, str]]] = {
    "zurich": {
        "acme-shop": "acme",
        "acme-shop-staging": "acme",
        "acme-ci": "acme",
        "globex-payments": "globex",
        "globex-ledger": "globex",
        "initech-docs": "initech",
    },
    "geneva": {"acme-shop": "acme", "globex-payments": "globex", "initech-blog": "initech"},
}
_STREAMS: Final = {"acme-shop": ("web", "cart"), "globex-payments": ("api", "worker"), "acme-ci": ("builder-image",)}
_LEAVER: Final = "tom.baker"


def days() -> list[datetime]:
    """Return when the zones were read."""
    return [_FIRST + timedelta(weeks=week) for week in range(_WEEKS)]


def story() -> Iterator[tuple[datetime, Snapshot]]:
    """Yield each zone at each of the days."""
    for week, day in enumerate(days()):
        for zone in _ZONES:
            yield day, _snapshot(zone, day, _zone(zone, week))


def _zone(zone: str, week: int) -> Mapping[str, list[Object]]:
    """Return all objects of a zone in a week."""
    estate = Estate(Shape(namespaces=0, organizations=0, cluster_wide=0, seed=7))
    for organization, people in _PEOPLE.items():
        estate.add("groups", organization, users=list(people))
        for person in people:
            if person != _LEAVER or week < LEFT:
                estate.add("users", person)
    estate.bind("registry-operators", "registry-admin", user("ops.duty"))
    estate.add("users", "ops.duty")
    for name, owner in _ZONES[zone].items():
        _namespace(estate, name, owner, week)
    if zone == "zurich":
        _zurich(estate, week)
    return estate.kinds()


def _namespace(estate: Estate, name: str, owner: str, week: int) -> None:
    """Add a namespace with what OpenShift and APPUiO put into each."""
    before_the_move = name == "acme-shop-staging" and week < MOVED
    estate.add("namespaces", name, labels={"appuio.io/organization": "initech" if before_the_move else owner})
    for one in ("builder", "default", "deployer", "ci"):
        estate.add("serviceaccounts", one, name)
    for stream in _STREAMS.get(name, ("app",)):
        tags = [{"tag": "latest", "items": [{"created": f"{_FIRST:%Y-%m-%dT%H:%M:%SZ}"}]}]
        estate.add("imagestreams", stream, name, status={"tags": tags})
    estate.bind("system:image-pullers", "system:image-puller", group(f"system:serviceaccounts:{name}"), namespace=name)
    estate.bind("system:image-builders", "system:image-builder", account(name, "builder"), namespace=name)
    estate.bind("system:deployers", "system:deployer", account(name, "deployer"), namespace=name)
    creator = "sofia.costa" if name == "acme-shop-staging" else _PEOPLE[owner][0]
    estate.bind("admin", "admin", user(creator), namespace=name)
    kept = "initech" if name == "acme-shop-staging" else owner
    estate.bind("organization-admin", "admin", group(kept), namespace=name)


def _zurich(estate: Estate, week: int) -> None:
    """Add what is unlike the usual."""
    # The pipelines of acme push from a namespace of their own.
    estate.bind("ci-push", "system:image-builder", account("acme-ci", "ci"), namespace="acme-shop")
    # The developers may do everything in acme-ci: they can run a pod as that account, also the contractor.
    estate.bind("developers", "edit", user("marco.bianchi"), user("cart.contractor"), namespace="acme-ci")
    # Who shall write one image only.
    only = {**rule("imagestreams/layers", "get", "update"), "resourceNames": ["cart"]}
    estate.role("cart-only", only, namespace="acme-shop")
    estate.bind("cart-only", "cart-only", user("cart.contractor"), namespace="acme-shop", kind="Role")
    estate.add("users", "cart.contractor")
    # Tom's own access to the ledger, beside that of his group.
    estate.bind("ledger-admin", "admin", user(_LEAVER), namespace="globex-ledger")
    if week >= OPENED:
        everybody = group("system:authenticated")
        place, created = "globex-payments", "2026-10-08T14:12:00Z"
        estate.bind("share-images", "system:image-pusher", everybody, namespace=place, created=created)
    if week >= MOVED:
        place, created = "acme-shop-staging", "2026-10-29T08:40:00Z"
        estate.bind("new-owner", "admin", group("acme"), namespace=place, created=created)


def _snapshot(zone: str, day: datetime, objects: Mapping[str, list[Object]]) -> Snapshot:
    facts = SnapshotBuilder()
    for plural in OF_AN_ESTATE:
        facts.add(plural, [msgspec.convert(item, KINDS[plural].item) for item in objects[plural]])
        facts.listed(Listing(plural, len(objects[plural]), "90210"))
    when = f"{day:%Y-%m-%dT%H:%M:%SZ}"
    registry = f"registry.{zone}.alpine-hosting.example"
    place = f"https://api.{zone}.alpine-hosting.example:6443"
    origin = Origin(zone, DUMP, place, registry, "v1.31.4", "auditor", when, when, "demo")
    return believed(facts.snapshot(origin))


def main() -> None:
    """Write the snapshots, a folder for each day."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    out = parser.parse_args().out
    for day, snapshot in story():
        folder = out / f"{day:%Y%m%dT%H%M%SZ}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{snapshot.origin.zone}{SUFFIX}").write_bytes(encode(snapshot))


if __name__ == "__main__":
    main()
