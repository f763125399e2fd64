"""What a run leaves: manifest, signature and chain, and how they are checked."""
