"""Kubernetes role based access control as the API server evaluates it."""
