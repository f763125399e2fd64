"""The checks, and what they share; `rules` has one file for each check."""
