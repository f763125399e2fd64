"""Organizations, teams, and what is the platform's own."""
