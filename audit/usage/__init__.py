"""Logs and traces -> which access was used, when, and how sure that is."""
