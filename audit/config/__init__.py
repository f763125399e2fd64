"""YAML -> frozen models of the configuration."""
