"""`python -m suite.worker`: one worker, driven over stdin and stdout (see protocol.py)."""

import time

STARTED_S = time.monotonic()  # the first line of Python that is ours: the cold start counts from the spawn to here

import ctypes  # noqa: E402
import faulthandler  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from typing import Any, BinaryIO, Tuple  # noqa: E402

from suite.worker import loop, timing  # noqa: E402
from suite.worker.ops import Operations  # noqa: E402

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


class Wall:
    """Keeps the controller's modules out of this process, also where `suite` is installed for this interpreter: an
    editable installation answers for them from anywhere."""

    @staticmethod
    def find_spec(name: str, _path: Any = None, _target: Any = None) -> None:
        if name.startswith("suite.") and not (name + ".").startswith("suite.worker."):
            raise ModuleNotFoundError("No module named {!r}: a worker has suite.worker alone".format(name), name=name)


def main() -> None:
    sys.meta_path.insert(0, Wall)
    requests, replies = take_wire()
    die_with_controller()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the controller, which decides
    faulthandler.enable()
    loop.serve(requests, replies, Operations(STARTED_S, timing.system_clock()).by_name())


def take_wire() -> Tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout as private files. What is printed on descriptor 1 from here on, by C libraries too, goes to
    stderr; who reads descriptor 0 finds it empty."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def die_with_controller() -> None:
    """Linux kills this process when its parent is gone, even in the midst of a long call (prctl(2))."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
