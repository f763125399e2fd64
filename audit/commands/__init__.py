"""What each command does; `audit.declarations` has their arguments and options."""
