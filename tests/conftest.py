"""What is collected where, and how hypothesis searches."""

import os

from hypothesis import HealthCheck, settings

# Machines differ, and what a test says must not depend on how fast they are.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Wants a folder with `kube-apiserver` and `etcd`, as is the convention; without it, it is no test of this machine.
collect_ignore = [] if os.environ.get("KUBEBUILDER_ASSETS") else ["test_real_server.py"]
