"""Runs side by side, from their files alone: ratios, verdicts, gates. Others import `table`, `report`, `gate`."""
