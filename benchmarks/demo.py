"""The zones of the demo, which come with the program: `python -m benchmarks.demo --out audit/demo`."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.estate import Estate, Object, Shape, account, group, rule, user, write
from benchmarks.faults import plant

_ODD: Final = 10  # namespaces with an oddity of their own


def demo() -> Iterator[tuple[str, Mapping[str, list[Object]]]]:
    """Yield the zones of the demo: small, and with one of everything that a review should find."""
    for number, namespaces in ((1, 36), (2, 30)):
        shape = Shape(namespaces, 6, 5, 2, 2, custom_roles=0.1, named_roles=0.1, cluster_wide=3, seed=number)
        estate = Estate(shape)
        _oddities(estate, [item["metadata"]["name"] for item in estate.kinds()["namespaces"]])
        plant(estate, after=_ODD)
        yield f"demo-{number}", estate.kinds()


def _oddities(estate: Estate, names: list[str]) -> None:
    everybody, nobody = group("system:authenticated"), group("system:unauthenticated")
    estate.bind("public", "system:image-puller", nobody, namespace=names[0])
    estate.bind("company-wide", "registry-viewer", everybody, namespace=names[1])
    estate.bind("all-builders", "system:image-pusher", group("system:serviceaccounts"), namespace=names[2])
    estate.bind("before-the-move", "admin", group("org-0005"), namespace=names[3])
    estate.role("everything-here", rule("*", "*", group="*"), namespace=names[4])
    estate.bind("everything-here", "everything-here", user("trainee"), namespace=names[4], kind="Role")
    estate.bind("not-yet", "release-manager", user("trainee"), namespace=names[5])
    estate.bind("left-over", "registry-editor", account(names[6], "jenkins"), namespace=names[6])
    estate.bind("partners", "registry-viewer", group("idp:contractors"), namespace=names[7])
    estate.bind("hostile", "view", group("<script>alert(1)</script>"), user("=cmd|'/C calc'!A0"), namespace=names[8])
    estate.bind("central-ci", "registry-editor", account(names[0], "ci"))
    # Two halves from two bindings: together they create repositories.
    estate.role("stream-creator", rule("imagestreams", "create"))
    estate.bind("half-a-push", "system:image-pusher", user("assembler"), namespace=names[9])
    estate.bind("other-half", "stream-creator", user("assembler"), namespace=names[9])


def main() -> None:
    """Write the zones of the demo, a folder each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    given = parser.parse_args()
    for name, objects in demo():
        write(objects, given.out / name)


if __name__ == "__main__":
    main()
