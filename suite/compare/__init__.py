"""Runs held against each other and against what they say. The command line imports each module by its name."""
