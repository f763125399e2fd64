"""Findings, exceptions, controls and gates."""
