"""`suite all`, `latency` and the like: a battery with its progress on stderr and its answer on stdout."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from suite import battery
from suite.battery import Battery, Request
from suite.cli import answers
from suite.cli.progress import counted
from suite.cli.session import Session
from suite.errors import SuiteError
from suite.records import Run, store

DONE, INCOMPLETE, INTERRUPTED = 0, 1, 130


def whole(request: Request, session: Session, *, as_json: bool) -> int:
    """Prints the path of the report."""
    begun = battery.begin(request, session.tools)
    if not _measured(begun, session):
        return INTERRUPTED
    report = battery.report(begun.out)
    run = begun.run()
    print(answers.as_json(run, begun.out, report) if as_json else report)
    return _status(run)


def single(request: Request, session: Session, *, as_json: bool) -> int:
    """Prints the test's table."""
    assert request.test is not None
    begun = battery.begin(request, session.tools)
    if not _measured(begun, session):
        return INTERRUPTED
    run = begun.run()
    print(answers.as_json(run, begun.out, None) if as_json else answers.table(request.test, run))
    return _status(run)


def report_again(folders: Sequence[Path], *, as_json: bool) -> int:
    """Prints the path of each report."""
    for folder in folders:
        report = battery.report(folder)
        print(answers.as_json(store.load(folder), folder, report) if as_json else report)
    return DONE


def _measured(begun: Battery, session: Session) -> bool:
    """Does what is left. False if Ctrl-C ended it; what was stored until then is there."""
    progress = session.progress(sys.stderr)
    try:
        if session.verbose:
            progress.note(f"log: {begun.log_path}")
        begun.measure(progress)
    except KeyboardInterrupt:
        left = counted(len(begun.missing()))
        progress.note(f"interrupted, {left} left; go on with: suite all --resume --out {begun.out}")
        return False
    except SuiteError:
        if session.verbose:
            with begun.log_path.open("a", encoding="utf-8") as log:
                traceback.print_exc(file=log)
        raise
    finally:
        progress.close()
    return True


def _status(run: Run) -> int:
    return DONE if battery.complete(run) else INCOMPLETE
