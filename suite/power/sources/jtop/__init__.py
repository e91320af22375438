"""A Jetson through the service jtop. Discovery takes PLUGIN; the helpers are its own."""

from suite.power.sources.jtop.source import PLUGIN

__all__ = ["PLUGIN"]
