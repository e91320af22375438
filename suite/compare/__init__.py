"""Runs held against each other and against what they say, from files alone. Others import modules by name."""
