"""Where the facts of a zone come from: a live cluster, or files that somebody saved."""
