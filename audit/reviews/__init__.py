"""Reviews: every grant put to a person, what was decided, and the proof that it was done."""
