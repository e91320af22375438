"""TOML and options into tasks. Others import `load`."""
