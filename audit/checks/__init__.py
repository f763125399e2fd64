"""What should not be: one file a check; `registry` lists them."""
