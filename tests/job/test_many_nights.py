"""Four hundred nights with a clock of their own: the audit, the prune after it, and what the alerts say of each night.

REGISTRY_AUDIT_NIGHTS sets how many there are; retention shrinks with them.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
import yaml

from audit.cli import run_command
from audit.commands.evidence import prune
from audit.config.model import Config
from audit.job.plan import RunPlan
from audit.job.run import Run
from audit.notify.notify import notify
from audit.snapshot.model import Gap, Snapshot
from audit.storage.store import store_of
from tests.paths import ROOT
from tests.reports.test_metrics import FILES, Values, rules, values
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import furnished
from tests.worlds.small import PUSH, bind, namespace, role, user, world
from tests.worlds.snapshots import snapshot_of

NIGHTS = int(os.environ.get("REGISTRY_AUDIT_NIGHTS", "40"))
FIRST = datetime(2024, 1, 1, 4, tzinfo=UTC)  # all of them are over: evidence of the future does not hold
# In these nights of each period of 10 something is unlike the others. From `opened` to `closed` every user can push.
PERIOD, PARTIAL, BLIND, OPENED, CLOSED, MISSED, ANONYMOUS = 10, 1, 3, 5, 7, 8, 9
BASE = (namespace("store"), role("", "pushers", PUSH), user("ann"), bind("store", "push", "pushers", ("User", "ann")))
QUIET: World = furnished(world(*BASE))
OPEN: World = furnished(world(*BASE, bind("store", "open", "pushers", ("Group", "system:authenticated"))))
PUBLIC: World = furnished(world(*BASE, bind("store", "public", "pushers", ("Group", "system:unauthenticated"))))
NOT_SEEN = {PARTIAL: ("groups",), BLIND: ("rolebindings", "clusterrolebindings")}


class Alert(NamedTuple):
    """An alert that fires eight hours after a night began."""

    labels: dict[str, str]
    summary: str
    description: str


AGO: Final = "1d 8h 0m 0s ago"
NO_SUCCESS: Final = Alert(
    {"severity": "critical"},
    "No run of registry-audit has seen everything for more than 26 hours",
    f"The last one that did ended {AGO}. Look at the last Job and its log.",
)


def new_critical(count: int) -> Alert:
    return Alert(
        {"severity": "critical", "zone": "one"},
        f"{count} new critical findings in zone one",
        "The report of the last run says what, where, since when, and how to fix it.",
    )


# By what is unlike: every alert that fires.
ALERTS: dict[int, dict[str, Alert]] = {
    PARTIAL: {
        "RegistryAuditPartial": Alert(
            {"severity": "warning"},
            "The last run of registry-audit did not see everything",
            "What was not seen is unknown in its report; the page coverage says what and why.",
        ),
        "RegistryAuditNoSuccess": NO_SUCCESS,
    },
    BLIND: {
        "RegistryAuditRunEndedEarly": Alert(
            {"severity": "warning", "state": "failed"},
            "The last run of registry-audit ended as failed",
            "What it wrote is marked so. Its termination message and its log say why.",
        ),
        "RegistryAuditZoneFailed": Alert(
            {"severity": "warning", "zone": "one", "state": "failed"},
            "Zone one could not be read (failed)",
            "Nothing in the last report is about this zone as it is now.",
        ),
        "RegistryAuditNoSuccess": NO_SUCCESS,
    },
    OPENED: {"RegistryAuditNewCriticalFinding": new_critical(1)},
    MISSED: {
        "RegistryAuditNoRun": Alert(
            {"severity": "critical"},
            "No run of registry-audit has ended for more than 26 hours",
            f"The last one ended {AGO}. Look at the CronJob and its last Job.",
        ),
        "RegistryAuditNoSuccess": NO_SUCCESS,
    },
    ANONYMOUS: {
        "RegistryAuditNewCriticalFinding": new_critical(1),
        "RegistryAuditNewAnonymousAccess": Alert(
            {"severity": "critical", "zone": "one"},
            "Somebody who is not logged in has gained access to images in zone one",
            "The report of the last run says where, and which binding gives it.",
        ),
    },
}


def seen_at(when: datetime, phase: int) -> Snapshot:
    """Return what a night sees of the zone: all, less, or a namespace that was opened."""
    gaps = [Gap(kind, "", "unreachable", "off") for kind in NOT_SEEN.get(phase, ())]
    zone = OPEN if OPENED <= phase < CLOSED else PUBLIC if phase == ANONYMOUS else QUIET
    found, time = snapshot_of(zone, gaps, zone="one"), f"{when:%Y-%m-%dT%H:%M:%SZ}"
    return replace(found, origin=msgspec.structs.replace(found.origin, started=time, finished=time))


class Job:
    """The two CronJobs, with the arguments and the retention that they are deployed with, in CSV only."""

    def __init__(self, folder: Path) -> None:
        self.runs, self.scraped = folder / "runs", folder / "audit.prom"
        arguments = self._arguments("prune.yaml")
        self.keep = max(int(arguments[-1]) * NIGHTS // 400, 5)  # days
        config: dict[str, Any] = yaml.safe_load((ROOT / "deploy/kustomize/base/config.yaml").read_text())
        config["output"]["directory"] = str(self.runs)
        config["metrics"] = {"textfile": str(self.scraped)}
        self.config = Config.model_validate(config)
        path = folder / "config.yaml"
        path.write_text(json.dumps(config))
        self._prune = [str(path) if "/" in one else one for one in [*arguments[:-1], str(self.keep)]]

    @staticmethod
    def _arguments(name: str) -> list[str]:
        cron = yaml.safe_load((ROOT / "deploy/kustomize/base" / name).read_text())
        (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        return [*container["args"]]

    def audit(self, when: datetime, phase: int) -> None:
        plan = RunPlan(formats=("csv",), every_zone=True, clock=lambda: when)
        run = Run(store_of(str(self.runs)), plan, threading.Event())
        run.keep(seen_at(when, phase))
        notify(self.config, run.finish(), threading.Event())

    def prune(self, when: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return when

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prune, "datetime", Clock)
            assert run_command(self._prune) == 0


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def relative(found: Values) -> Values:
    """Return samples with their times as seconds since the first night: the clock of promtool begins at 0."""
    times = ("last_success_timestamp_seconds", "last_completion_timestamp_seconds")
    return {key: value - FIRST.timestamp() if key[0] in times else value for key, value in found.items()}


def series(scraped: list[Values]) -> Iterator[dict[str, str]]:
    """Yield each series as promtool takes it: a sample each hour, which is that of the last night."""
    for name, labels in sorted({key for one in scraped for key in one}):
        shown = ",".join(f"{label}={json.dumps(value)}" for label, value in labels)
        nights = (one.get((name, labels)) for one in scraped)
        samples = " ".join("_x24" if value is None else f"{value:.0f}x23" for value in nights)
        yield {"series": f"registry_audit_{name}{{{shown}}}", "values": samples}


def expected(alert: str, night: int) -> dict[str, Any]:
    firing = ALERTS.get(night % PERIOD, {}).get(alert)
    annotations = firing and {"summary": firing.summary, "description": firing.description}
    alerts = [{"exp_labels": firing.labels, "exp_annotations": annotations}] if firing else []
    return {"eval_time": f"{night * 24 + 8}h", "alertname": alert, "exp_alerts": alerts}


@pytest.fixture
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk: a power cut is another test's."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.slow
@pytest.mark.usefixtures("_in_memory")
def test_a_volume_never_fills_and_the_alerts_are_right_each_night(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs are kept as long as is said; what stays of them is small; each alert fires in its nights and in no other."""
    job, sizes, scraped, run_sizes = Job(tmp_path), [], [], []
    for night in range(NIGHTS):
        when, phase, before = FIRST + timedelta(days=night), night % PERIOD, size_of(job.runs)
        if phase != MISSED:
            job.audit(when, phase)
            run_sizes.append(size_of(job.runs) - before)
        scraped.append(relative(values(job.scraped.read_bytes())))
        job.prune(when + timedelta(hours=8))
        sizes.append(size_of(job.runs))
    capsys.readouterr()
    whole = [path for path in job.runs.glob("2*") if (path / "access.csv").exists()]
    assert job.keep * 0.8 <= len(whole) <= job.keep + 3
    assert len([*job.runs.glob("2*/manifest.json")]) == len(run_sizes)
    # In the proportions of the volume that is claimed: 10 GiB for kept runs of 130 MB.
    assert max(sizes) < (job.keep + 3) * max(run_sizes) + 12_000 * NIGHTS
    growth = (sizes[-1] - sizes[job.keep + 2]) / (NIGHTS - job.keep - 2)
    assert growth < 12_000, growth  # of manifests; ten years of them are 44 MB
    assert run_command(["check-evidence", str(job.runs)]) == 0
    names = {rule["alert"] for group in rules()["groups"] for rule in group["rules"]}  # type: ignore[attr-defined]
    assert {alert for alerts in ALERTS.values() for alert in alerts} <= names
    cases = [expected(alert, night) for night in range(NIGHTS) for alert in sorted(names)]
    test = {"interval": "1h", "input_series": [*series(scraped)], "alert_rule_test": cases}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(yaml.safe_load((FILES / "alerts.yaml").read_text())["spec"]))
    whole_test = {"rule_files": ["rules.yaml"], "evaluation_interval": "1h", "tests": [test]}
    (tmp_path / "tests.yaml").write_text(json.dumps(whole_test))
    command = ["promtool", "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[:5000]
