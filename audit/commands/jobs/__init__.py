"""Commands that read zones, and write snapshots and reports."""
