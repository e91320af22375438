"""The operation `runtimes`: which can work here, on which device and in which precision, and why others can't."""

from typing import Any, Dict, List

from suite.worker import devices, plugins


def answer(torch: Any) -> List[Dict[str, Any]]:
    """name, title, and for each device each precision with null or the code, reason and remedy of why not."""
    found = []
    for name, runtime in sorted(plugins.discover(plugins.RUNTIMES).items()):
        absence = runtime.available()
        ways = []
        for device in devices.available_devices(torch):
            for precision in runtime.precisions:
                why = absence or runtime.absence(torch, precision, device)
                ways.append({"device": device, "precision": precision, "absence": None if why is None else list(why)})
        found.append({"name": name, "title": runtime.title, "ways": ways})
    return found
