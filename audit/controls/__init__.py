"""Controls of frameworks as data: what each asks, and which checks and tables help to answer it."""
