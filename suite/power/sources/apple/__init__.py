"""An Apple chip, read on the Mac itself. Discovery takes PLUGIN; the helpers are its own."""

from suite.power.sources.apple.source import PLUGIN

__all__ = ["PLUGIN"]
