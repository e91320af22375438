"""Prints what the service jtop measures, as JSON lines. A program of its own, run by the Python that has its client.

    python reader.py INTERVAL_S

Needs the standard library and jetson-stats alone, and runs on Python 3.6: on JetPack 4 the client is installed there.
It is the only code here that loads jetson-stats.

    {"ready": {"interval_s", "hardware": {...}, "rails": {NAME: {"volt_mv", "current_ma"}}}}    once
    {"uptime_s": 12.34, "power_mw": {NAME: 5000}}                                               as the service measures
    {"error": "...", "detail": "..."}                                                           last, where it fails

It ends when its stdin does. `start` of the client can block for ever: whoever runs this kills it after a deadline.
"""

import importlib
import json
import os
import select
import signal
import sys
from multiprocessing import AuthenticationError
from typing import Any

POLL_S = 0.2
HARDWARE = ("Model", "Module", "P-Number")  # what tells the board
MISMATCH = "Mismatch version"  # how the client's message begins where the service is of another version


def all_rails(power: Any) -> Any:
    """Every rail by name. The client keeps the total rail apart, under `tot` with a name; a `tot` without is a sum."""
    rails = dict(power.get("rail") or {})
    total = power.get("tot") or {}
    if "name" in total:
        rails[total["name"]] = total
    return {name: rail for name, rail in rails.items() if rail.get("online", True)}  # one that is off shows old values


def fault(error: BaseException) -> str:
    """What kind of failure of `start` this is. The client puts its own exception in front of the system's."""
    chain = [error]
    while chain[-1].__context__ is not None:
        chain.append(chain[-1].__context__)
    kinds = (
        ("permission", PermissionError),
        ("no service", FileNotFoundError),
        ("no service", ConnectionRefusedError),
        ("version", AuthenticationError),
        ("version", ValueError),
    )
    if MISMATCH in str(error):
        return "version"
    return next((name for name, kind in kinds if any(isinstance(each, kind) for each in chain)), "lost")


def serve(interval_s: float, emit: Any) -> int:
    try:
        client = importlib.import_module("jtop").jtop(interval=interval_s)
    except ImportError as error:
        emit({"error": "no client", "detail": str(error)})
        return 1
    try:
        client.start()
    except Exception as error:  # noqa: BLE001  # whatever the client raises, the other end is told
        emit({"error": fault(error), "detail": str(error)})
        return 1
    hardware = client.board.get("hardware") or {}
    rails = all_rails(client.power)
    emit(
        {
            "ready": {
                "interval_s": client.interval,
                "hardware": {name: str(hardware[name]) for name in HARDWARE if hardware.get(name)},
                "rails": {
                    name: {"volt_mv": rail.get("volt", 0), "current_ma": rail.get("curr", 0)}
                    for name, rail in rails.items()
                },
            }
        }
    )
    emit(sample(client))
    client.attach(lambda client: emit(sample(client)))
    try:
        while not select.select([0], [], [], POLL_S)[0]:
            client.ok(spin=True)  # raises what ended the client's thread
    except Exception as error:  # noqa: BLE001
        emit({"error": "lost", "detail": str(error)})
        return 1
    return 0


def sample(client: Any) -> Any:
    power_mw = {name: rail["power"] for name, rail in all_rails(client.power).items() if "power" in rail}
    return {"uptime_s": client.uptime.total_seconds(), "power_mw": power_mw}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; stdin tells when to end
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # prints of the libraries

    def emit(reply: Any) -> None:
        print(json.dumps(reply), file=replies, flush=True)

    os._exit(serve(float(sys.argv[1]), emit))  # the client's threads may hang; nothing is left to be written


if __name__ == "__main__":
    main()
