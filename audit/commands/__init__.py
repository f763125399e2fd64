"""What each command does; `audit.cli` declares them."""
