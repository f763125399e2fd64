"""Connections to a zone: kubeconfigs, credentials, TLS and proxies, and when a request is tried again."""
