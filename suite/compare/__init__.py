"""Runs held against each other and what they say, from files alone. Others import each module by its name."""
