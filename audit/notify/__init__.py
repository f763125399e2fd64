"""Notifications about how a run ended."""
