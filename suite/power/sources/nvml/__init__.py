"""The boards of NVIDIA's discrete GPUs. Discovery takes PLUGIN; the helpers are its own."""

from suite.power.sources.nvml.source import PLUGIN

__all__ = ["PLUGIN"]
