"""One file for each check; `registry` lists them."""
