"""Versions of what a figure may depend on."""

import platform
import sys
from typing import Dict, Optional

_REPORTED = ("torch", "transformers", "numpy", "onnxruntime")


def versions() -> Dict[str, str]:
    """Of the interpreter and of the libraries that a figure may depend on, where they are installed."""
    found = {"python": platform.python_version()}
    for package in _REPORTED:
        version = _installed_version(package)
        if version is not None:
            found[package] = version
    return found


def _installed_version(package: str) -> Optional[str]:
    """Without importing the package where its metadata can be read (Python >= 3.8)."""
    if package in sys.modules:
        return str(getattr(sys.modules[package], "__version__", "unknown"))
    try:
        if sys.version_info >= (3, 8):
            from importlib.metadata import PackageNotFoundError, version
        else:
            from importlib_metadata import PackageNotFoundError, version
    except ImportError:
        return None
    try:
        return str(version(package))
    except PackageNotFoundError:
        return None
