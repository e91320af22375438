"""From a run's files to report.md, plots and terminal tables. Needs no device, no worker and no network."""
