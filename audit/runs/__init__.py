"""What a run leaves: manifest, signature, chain, and the checks of it."""
