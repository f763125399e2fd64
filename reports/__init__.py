"""What people get: CSV, HTML and the manifest, made from the tables."""
