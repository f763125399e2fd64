"""The facts of one zone, and what is missing in them."""
