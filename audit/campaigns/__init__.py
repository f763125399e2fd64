"""Access reviews by people: campaigns, their answers, and proof of what was decided."""
