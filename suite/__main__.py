"""Where the program starts: Ctrl-C ends it in silence from its first line on."""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130  # what shells say of a process that Ctrl-C ended


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)  # nothing has been measured yet, or all is on disk


def main() -> int:
    """Returns the exit status of the command that the arguments name."""
    signal.signal(signal.SIGINT, _leave)
    from suite.cli.app import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, _leave)


if __name__ == "__main__":
    raise SystemExit(main())
