"""Snapshot -> the tables of facts, and the check that they add up."""
