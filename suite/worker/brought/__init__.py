"""Models that people bring: a file a kind. The controller imports `words`, discovery imports `loading`."""
