"""How commands are written: their arguments, options and help. What they do is in `audit.commands`."""
