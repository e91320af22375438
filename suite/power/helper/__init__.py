"""The helper on a Mac and its client in a container. The command line imports `serve`, the source `remote`."""
