"""What commands share: how they are declared, their options, where facts come from, and how results are printed."""
