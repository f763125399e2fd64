"""A zone to talk to: an HTTPS API server on loopback that serves a world of plain objects, with faults on order."""
