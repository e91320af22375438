"""Commands, options and answers: what a person types and reads. It alone prints and exits; nothing imports it."""

from __future__ import annotations

from suite.cli.app import main

__all__ = ["main"]
