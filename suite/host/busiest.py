"""Which process takes the most processor time beside ours, where the machine tells."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from suite.host.system import System
from suite.outside import one_line
from suite.records import record

MAX_NAME = 40
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
LEAST_SHARE = 0.02  # of one core; below it nobody disturbs


@record
class Busy:
    name: str
    process_id: int
    share: float  # of one core


@record
class Taken:
    """Processor time of a process since it began, and who started it."""

    name: str
    process_id: int
    parent_id: int
    processor_s: float


class Busiest:
    """look() remembers what every process has taken; since() names the one that took the most after that."""

    def __init__(
        self,
        system: System | None = None,
        own_id: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[list[str]], str] = lambda words: (
            subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout
        ),
    ) -> None:
        self._system = system or System()
        self._own_id = os.getpid() if own_id is None else own_id
        self._clock, self._run = clock, run
        self._looked_s = 0.0
        self._before: dict[int, Taken] = {}

    def look(self) -> None:
        self._looked_s, self._before = self._clock(), {each.process_id: each for each in self._all()}

    def since(self) -> Busy | None:
        """None where no other process took anything worth speaking of, or others can't be seen, as in a container."""
        passed_s = self._clock() - self._looked_s
        now = list(self._all())
        ours = _family(self._own_id, now)
        grown = [
            (_grown_s(each, self._before.get(each.process_id)), each) for each in now if each.process_id not in ours
        ]
        if not grown or not passed_s > 0:
            return None
        most_s, each = max(grown, key=lambda found: found[0])
        if most_s / passed_s < LEAST_SHARE:
            return None
        return Busy(name=each.name, process_id=each.process_id, share=most_s / passed_s)

    def _all(self) -> Iterator[Taken]:
        return self._of_ps() if self._system.kind == "Darwin" else self._of_proc()

    def _of_proc(self) -> Iterator[Taken]:
        """/proc/PID/stat: the name in brackets, then fields 4 (parent), 14 and 15 (ticks). Source: proc(5)."""
        for path in self._system.paths("proc/[0-9]*/stat"):
            text = self._system.text(path)
            name, _, rest = (text or "").rpartition(")")
            words = rest.split()
            if len(words) > 12:
                yield Taken(
                    name=one_line(name.partition("(")[2], MAX_NAME),
                    process_id=int(Path(path).parent.name),
                    parent_id=int(words[1]),
                    processor_s=(int(words[11]) + int(words[12])) * TICK_S,
                )

    def _of_ps(self) -> Iterator[Taken]:
        try:
            text = self._run(["/bin/ps", "-Aceo", "pid=,ppid=,time=,comm="])
        except (OSError, subprocess.SubprocessError):
            return
        for line in text.splitlines():
            process_id, parent_id, passed, name = line.split(None, 3)
            yield Taken(
                name=one_line(name, MAX_NAME),
                process_id=int(process_id),
                parent_id=int(parent_id),
                processor_s=_seconds(passed),
            )


def _grown_s(now: Taken, before: Taken | None) -> float:
    """All of it for a process that began since; one that took a dead one's number began since too."""
    return now.processor_s - (before.processor_s if before and before.processor_s <= now.processor_s else 0.0)


def _family(own_id: int, processes: Iterable[Taken]) -> set[int]:
    """This process and all that it started."""
    children: dict[int, list[int]] = {}
    for each in processes:
        children.setdefault(each.parent_id, []).append(each.process_id)
    found, left = {own_id}, [own_id]
    while left:
        new = [child for child in children.get(left.pop(), ()) if child not in found]
        found.update(new)
        left += new
    return found


def _seconds(text: str) -> float:
    """ "1-02:03:04", "2:03.04" as ps prints times."""
    days, _, clock = text.rpartition("-")
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part.replace(",", "."))
    return total + 86_400 * int(days or 0)
