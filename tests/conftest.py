"""What is collected where."""

import os

# Wants a folder with `kube-apiserver` and `etcd`, as is the convention; without it, it is no test of this machine.
collect_ignore = [] if os.environ.get("KUBEBUILDER_ASSETS") else ["test_real_server.py"]
