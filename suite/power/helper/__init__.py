"""A Mac's helper and its client in a container. The command line imports `serve`, a source `remote`."""
