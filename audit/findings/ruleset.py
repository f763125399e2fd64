"""The checks of a run: a digest of everything that they declare, which shows whether two runs used the same."""

import hashlib
import json

import msgspec

from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings


class ChecksDigest(msgspec.Struct, frozen=True):
    """The checks of a run: how many, a SHA-256 (hex) of their declarations and settings, and which were off."""

    count: int
    sha256: str
    off: tuple[str, ...]


def checks_digest(settings: Settings) -> ChecksDigest:
    """Return the digest of checks and settings; the version of the program stands for its code."""
    declared = [
        [
            check.id,
            settings.severities.get(check.id, check.severity),
            check.confidence,
            check.title,
            check.why,
            check.remedy,
            settings.controls.of_check(check.id),
            check.needs,
            {name: threshold.default for name, threshold in check.thresholds.items()}
            | dict(settings.thresholds.get(check.id, {})),
        ]
        for check in CHECKS.values()
    ]
    platform = [settings.platform.namespaces, settings.platform.subjects]
    text = json.dumps([declared, platform, settings.organization_label], sort_keys=True)
    return ChecksDigest(len(CHECKS), hashlib.sha256(text.encode()).hexdigest(), tuple(sorted(settings.off)))
