"""Meters' logs, brought in once a run is over. Sources import `csv_import`, `csv_align` and `csv_log`.

`csv_log` reads one: `text` (files, encodings), `head` (names, what parts cells), `columns` with `quantities` and
`layouts` (which holds time and power, in which unit), `table` with `numbers` and `stamps` (cells), `history`, `readings`.
"""
