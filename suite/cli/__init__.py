"""The command line: it alone prints answers and ends the process. See suite.cli.app for the commands."""

from __future__ import annotations

from suite.cli.app import main

__all__ = ["main"]
