"""`suite all`, `latency` and the like: a battery with its progress on stderr and its answer on stdout."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TextIO, cast

from suite import battery
from suite.battery import Battery, Request
from suite.cli import answers
from suite.cli.progress import counted
from suite.cli.session import Session
from suite.cli.streams import Forgiving
from suite.errors import SuiteError
from suite.outside import one_line
from suite.records import Run, store
from suite.records.folder import appended
from suite.records.lines import RECORDS_NAME

DONE, INCOMPLETE, INTERRUPTED = 0, 1, 130
MAX_TOLD = 5


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


def report_again(folders: Sequence[Path], style: Literal["report", "lab"], *, as_json: bool) -> int:
    """Prints the path of each report."""
    from suite.report import page

    damaged = False
    for folder in folders:
        run = store.load(folder)
        report = page.render(run, folder, layout=style)
        _tell_damage(run, folder)
        damaged |= bool(run.damaged)
        print(answers.as_json(run, folder, report) if as_json else report)
    return INCOMPLETE if damaged else DONE


def _tell_damage(run: Run, folder: Path) -> None:
    """On stderr: the first lines of records.jsonl that can't be read. The report tells of all."""
    for damage in run.damaged[:MAX_TOLD]:
        print(f"suite: error: {folder / RECORDS_NAME}:{damage.line_number}: {one_line(damage.text)}", file=sys.stderr)
    if len(run.damaged) > MAX_TOLD:
        more = len(run.damaged) - MAX_TOLD
        print(f"suite: error: {folder / RECORDS_NAME}: {more} more lines can't be read", file=sys.stderr)


def _measured(begun: Battery, session: Session) -> bool:
    """Does what is left. False if Ctrl-C ended it; what was stored until then is there."""
    progress = session.progress(cast(TextIO, Forgiving(sys.stderr)))
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
            with appended(begun.log_path) as log:
                log.write(traceback.format_exc().encode(errors="backslashreplace"))
        raise
    finally:
        progress.close()
    return True


def _status(run: Run) -> int:
    return DONE if battery.complete(run) else INCOMPLETE
