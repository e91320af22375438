"""Versions of what a figure may depend on."""

import importlib.util
import platform
import sys
from typing import Dict, Optional, Sequence

from suite.worker.outcome import NotMeasured

_REPORTED = ("torch", "transformers", "numpy", "onnxruntime", "torchao")
OF_BUILDS = _REPORTED + ("onnx", "onnxscript", "triton", "tensorrt")


def versions(names: Sequence[str] = _REPORTED) -> Dict[str, str]:
    """Of the interpreter and of the libraries that a figure may depend on, where they are installed."""
    found = {"python": platform.python_version()}
    for package in names:
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


def absence(*names: str) -> Optional[NotMeasured]:
    """Which of the packages this interpreter lacks; None where it has all. Imports nothing."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    are = "is" if len(missing) == 1 else "are"
    return NotMeasured(
        "PACKAGE_MISSING",
        "{} {} not installed".format(" and ".join(missing), are),
        "Install {} for the worker's interpreter".format(" and ".join(missing)),
    )
