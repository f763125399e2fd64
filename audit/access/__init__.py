"""Snapshot -> who can do what, and why."""
