"""Meters' logs, brought in once a run is over. Sources import the readers, a battery `amend`."""
