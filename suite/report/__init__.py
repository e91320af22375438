"""From a run's files to report.md, plots and tables. Others import `page`, and `text` and `table`."""
