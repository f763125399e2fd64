"""Names replaced by keyed pseudonyms."""
