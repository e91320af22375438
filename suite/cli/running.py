"""`suite all`, `latency` and the like: a battery with its progress on stderr and its answer on stdout."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TextIO, cast

from suite import battery
from suite.battery import Battery, Request
from suite.cli import answers, bundling
from suite.cli.answer import Answer
from suite.cli.progress import counted
from suite.cli.session import Session
from suite.cli.streams import Forgiving
from suite.errors import SuiteError
from suite.outside import one_line
from suite.records import Run, seal, store
from suite.records.folder import appended
from suite.records.lines import RECORDS_NAME

DONE, INCOMPLETE = 0, 1
MAX_TOLD = 5


def whole(request: Request, session: Session, percentiles: Sequence[float]) -> Answer:
    """The summary, and where the report lies; a pipe gets its path alone."""
    begun = measured(battery.begin(request, session.tools), session)
    report = battery.report(begun.out)
    run = begun.run()
    return answers.of_runs([answers.Told(run, begun.out, report)], percentiles, _status(run))


def single(request: Request, session: Session, percentiles: Sequence[float] = ()) -> Answer:
    """The test's table."""
    assert request.test is not None
    begun = measured(battery.begin(request, session.tools), session)
    run = begun.run()
    return answers.of_test(request.test, answers.Told(run, begun.out, None), percentiles, _status(run))


def report_again(
    folders: Sequence[Path], percentiles: Sequence[float] = (), style: Literal["report", "lab"] = "report"
) -> Answer:
    """The summary of each run, and where its report lies; a pipe gets the paths alone."""
    from suite.report import page

    told = []
    for source in folders:
        folder = bundling.unpacked(source)
        run = store.load(folder)
        report = page.render(run, folder, layout=style)
        seal.write_report(folder)
        _tell_damage(run, folder)
        told.append(answers.Told(run, folder, report))
    damaged = any(each.run.damaged for each in told)
    return answers.of_runs(told, percentiles, INCOMPLETE if damaged else DONE)


def _tell_damage(run: Run, folder: Path) -> None:
    """On stderr: the first lines of records.jsonl that can't be read. The report tells of all."""
    for damage in run.damaged[:MAX_TOLD]:
        print(f"suite: error: {folder / RECORDS_NAME}:{damage.line_number}: {one_line(damage.text)}", file=sys.stderr)
    if len(run.damaged) > MAX_TOLD:
        more = len(run.damaged) - MAX_TOLD
        print(f"suite: error: {folder / RECORDS_NAME}: {more} more lines can't be read", file=sys.stderr)


def measured(begun: Battery, session: Session) -> Battery:
    """Does what is left. KeyboardInterrupt passes through; what was stored until then is there."""
    progress = session.progress(cast(TextIO, Forgiving(sys.stderr)))
    try:
        if session.verbose:
            progress.note(f"log: {begun.log_path}")
        begun.measure(progress)
    except KeyboardInterrupt:
        left = counted(len(begun.missing()))
        progress.note(f"interrupted, {left} left; go on with: suite all --resume --out {begun.out}")
        raise
    except SuiteError:
        if session.verbose:
            with appended(begun.log_path) as log:
                log.write(traceback.format_exc().encode(errors="backslashreplace"))
        raise
    finally:
        progress.close()
    return begun


def _status(run: Run) -> int:
    return DONE if battery.complete(run) else INCOMPLETE
