"""Meters' logs, brought in once a run is over. Sources import `csv_log`, `csv_align` and `csv_import`."""
