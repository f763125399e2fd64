"""Truth by destruction: a zone of which something is missing or damaged never denies what the whole zone allows."""

import os
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from audit.collect.connect import retry
from audit.collect.run import collect_folder
from tests.collect.destroyed import Allowed, Collector
from tests.collect.destruction import FORMS, LIVE, Damage, as_pages, damages, read_lists
from tests.paths import DATA, SHARED

# More are asked for by a variable.
COUNT = int(os.environ.get("REGISTRY_AUDIT_DAMAGES", "12"))
SEED = int(os.environ.get("REGISTRY_AUDIT_SEED", "1"))
ZONES = [
    DATA / "golden-mini",
    *(SHARED / "data" / name for name in ("golden-zone", "registry-zone", "routes-zone", "inspect-zone/dump")),
]
# The YAML of a large zone takes seconds to write and to read.
ALL_FORMS = (*FORMS, "archive", LIVE)
FAST_FORMS = ("dump", "mixed", "archive", LIVE)


@pytest.mark.no_cover
@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone.is_dir()], ids=lambda zone: zone.name)
def test_no_damage_makes_a_no(zone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, lists, namespaces' parts, items and tails are taken away or damaged; no yes becomes a no."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.001)
    rng, lists, collector = Random(SEED), read_lists(zone), Collector(monkeypatch, tmp_path)
    whole = collect_folder(zone)
    allowed = Allowed(whole, rng, 400)
    forms = FAST_FORMS if zone.name.startswith("golden") else ALL_FORMS
    for form in forms:
        if form != "archive":
            files, pages = ({}, as_pages(lists, 100)) if form == LIVE else (FORMS[form](lists), {})
            undamaged = collector.collect(Damage(form, "nothing", files, pages))
            assert (undamaged.gaps, allowed.denied(undamaged)) == ((), []), form
    for damage in islice(damages(lists, rng, forms), COUNT):
        # golden-mini has no bootstrap bindings: nothing shows that its list of four was cut.
        if zone.name == "golden-mini" and "clusterrolebindings" in damage.what:
            continue
        assert allowed.denied(collector.collect(damage)) == [], damage[:2]
