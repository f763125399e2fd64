"""Two states of a zone -> what changed, and why."""
