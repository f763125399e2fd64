"""Truth by destruction: a zone of which something is missing or damaged never denies what the whole zone allows."""

import os
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from audit.collect.run import collect_folder
from tests.collect.destruction import allowed, damages, denied, read_lists, write
from tests.paths import ROOT

# More are asked for by a variable.
COUNT = int(os.environ.get("REGISTRY_AUDIT_DAMAGES", "12"))
SHARED = ROOT.parent / "shared" / "data"
ZONES = [
    ROOT / "tests" / "data" / "golden-mini",
    *(SHARED / name for name in ("golden-zone", "registry-zone", "routes-zone", "inspect-zone/dump")),
]


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone.is_dir()], ids=lambda zone: zone.name)
def test_no_damage_makes_a_no(zone: Path, tmp_path: Path) -> None:
    """Files, lists, namespaces' parts, items and tails are taken away or damaged; no yes becomes a no."""
    rng = Random(int(os.environ.get("REGISTRY_AUDIT_SEED", "1")))
    whole = collect_folder(zone)
    assert whole.state == "complete"
    questions = allowed(whole, rng, 500)
    lists = read_lists(zone)
    # golden-mini has no bootstrap bindings: nothing shows that its list of four was cut.
    left_out = "tail of items of clusterrolebindings" if zone.name == "golden-mini" else "-"
    for damage in islice(damages(lists, rng), COUNT):
        if not damage.what.startswith(left_out):
            assert denied(write(tmp_path / "dump", damage.files), questions) == [], damage.what
