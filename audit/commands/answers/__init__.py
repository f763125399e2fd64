"""Commands that answer who has, had or used which access."""
