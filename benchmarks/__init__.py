"""Measurements, and the estates that they are made on."""
