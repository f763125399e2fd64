"""The tables compared with the zone's own answers."""
