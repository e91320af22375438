"""A reproducible benchmark suite for model inference on the device you own.

This file and suite/worker/ stay importable on Python 3.6: the worker runs there (docs/architecture.md).
"""

__version__ = "0.1.0"
