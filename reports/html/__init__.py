"""The report as one self-contained page that opens from disk, with every row in it."""
