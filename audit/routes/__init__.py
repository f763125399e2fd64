"""Access through another identity, or through what an image refers to."""
