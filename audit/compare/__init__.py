"""Two states of one zone, side by side: what each subject could do and can do, and which objects are not the same."""
