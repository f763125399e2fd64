"""The chain of runs: each manifest has the digest of the previous one, so changes and removals are found."""

from collections.abc import Iterator, Mapping

from audit.runs.info import overall_state
from audit.runs.manifest import Manifest
from audit.runs.runs import COMPLETE
from audit.storage.store import LATEST, Store


def chain_problems(
    manifests: Mapping[str, Manifest], digests: Mapping[str, str], *, alone: bool
) -> Iterator[tuple[str, str, bool]]:
    """Yield a run, the problem of its place in the chain, and whether it is a problem or only a remark.

    `alone`: there is only one run, which may be a copy; that its previous run is not here is then a remark.
    """
    followers: dict[str, str] = {}
    first = ""
    for run, manifest in manifests.items():
        link = manifest.previous
        if link is None:
            if first:
                yield run, f"it has no previous run, and neither has {first}: the chain forks", True
            first = first or run
            continue
        if link.run_id not in manifests:
            state = "is not here" if alone else "is missing"
            yield run, f"the previous run, {link.run_id}, {state} (SHA-256 {link.sha256})", not alone
        elif digests[link.run_id] != link.sha256:
            yield run, f"the manifest of the previous run, {link.run_id}, is not the one that this run followed", True
        if link.run_id in followers:
            yield run, f"its previous run is {link.run_id}, as of {followers[link.run_id]}: the chain forks", True
        followers[link.run_id] = run
    if manifests and not first and not alone:
        yield next(iter(manifests)), "no run here is the first of the chain", True


def latest_problems(store: Store, manifests: Mapping[str, Manifest], *, alone: bool) -> Iterator[str]:
    """Yield the problems of `latest`, which must be a link to the newest complete run."""
    target = store.link_target(LATEST)
    complete = [run for run, manifest in manifests.items() if _is_complete(manifest)]
    if not target:
        if LATEST in store.entries():
            yield "it is not a link to a run"
        elif complete and not alone:
            yield f"it is missing, and {complete[-1]} is complete"
    elif target not in manifests:
        yield f"it points at {target}, which is not there"
    elif target not in complete or any(target in _earlier(run, manifests) for run in complete):
        yield f"it points at {target}, which is not the newest complete run"


def _is_complete(manifest: Manifest) -> bool:
    """Return whether `latest` points at such a run: it has read all zones, even if it lacks a format and says so."""
    partly = manifest.state == "partial" and bool(manifest.missing)
    return manifest.state == COMPLETE or (
        partly and overall_state(zone.state for zone in manifest.run.zones) == COMPLETE
    )


def _earlier(run: str, manifests: Mapping[str, Manifest]) -> set[str]:
    """Return the runs before a run, along the chain."""
    earlier: set[str] = set()
    while (link := manifests[run].previous) and link.run_id in manifests and link.run_id not in earlier:
        run = link.run_id
        earlier.add(run)
    return earlier
