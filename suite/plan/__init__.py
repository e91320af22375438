"""Plans: TOML and options into tasks. Others import `load` (what a plan asks for) and `spec.Options`."""
