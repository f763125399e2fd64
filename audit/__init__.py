"""Registry access audit: from configured zones to an exact answer."""
