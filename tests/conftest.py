"""What is collected where, and how hypothesis searches."""

import json
import os
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, settings

from audit.commands import sealing
from reports import evidence

# Machines differ, and what a test says must not depend on how fast they are.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Wants a folder with `kube-apiserver` and `etcd`, as is the convention; without it, it is no test of this machine.
collect_ignore = [] if os.environ.get("KUBEBUILDER_ASSETS") else ["test_real_server.py"]

_MANIFESTS = jsonschema.Draft202012Validator(evidence.manifest_schema())


@pytest.fixture(autouse=True)
def _manifests_follow_their_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test is about: each manifest that it makes is what the published schema says."""

    def checked(*given: Any, **more: Any) -> bytes:
        data = evidence.manifest(*given, **more)
        _MANIFESTS.validate(json.loads(data))
        return data

    monkeypatch.setattr(sealing, "manifest", checked)
