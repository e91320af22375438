"""Which process takes the most processor time beside ours, where the machine tells."""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from suite.host.system import System
from suite.outside import one_line
from suite.records import record

MAX_NAME = 40
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
UNNAMED = "an unnamed process"
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
    """look() remembers what every process has taken; since() names the one that took the most after that.

    left_out: processes that are nobody's disturbance, beside this one and all that it started.
    """

    def __init__(
        self,
        system: System | None = None,
        own_id: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[list[str]], str] = lambda words: (
            subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout
        ),
        left_out: Collection[int] = (),
    ) -> None:
        self._system = system or System()
        self._own_id = os.getpid() if own_id is None else own_id
        self._clock, self._run, self._left_out = clock, run, left_out
        self._looked_s = 0.0
        self._busy_s: float | None = None
        self._before: dict[int, Taken] = {}

    def look(self) -> None:
        self._looked_s, self._busy_s = self._clock(), self._machine_s()
        self._before = {each.process_id: each for each in self._all()}

    def since(self) -> Busy | None:
        """None where no other process took anything worth speaking of, and where it isn't sure that this one took the
        most: those that can't be seen, as outside a container, or that came and went, may have taken more."""
        passed_s, busy_s = self._clock() - self._looked_s, self._machine_s()
        taken = [(_grown_s(each, self._before.get(each.process_id)), each) for each in self._all()]
        ours = _family({self._own_id, *self._left_out}, [each for _, each in taken])
        others = [found for found in taken if found[1].process_id not in ours]
        if not others or not passed_s > 0:
            return None
        most_s, each = max(others, key=lambda found: found[0])
        if most_s / passed_s < LEAST_SHARE:
            return None
        if busy_s is not None and self._busy_s is not None:
            unseen_s = busy_s - self._busy_s - math.fsum(grown_s for grown_s, _ in taken)
            if unseen_s > most_s:
                return None
        return Busy(name=each.name, process_id=each.process_id, share=most_s / passed_s)

    def _machine_s(self) -> float | None:
        """What all processes took together: user, nice and system of /proc/stat. None where the machine doesn't tell.

        Interrupts stand apart there, and in no process.
        """
        words = (self._system.text("proc/stat") or "").split("\n", 1)[0].split()
        if len(words) < 4 or words[0] != "cpu" or not all(word.isdecimal() for word in words[1:4]):
            return None
        return sum(int(word) for word in words[1:4]) * TICK_S

    def _all(self) -> Iterator[Taken]:
        return self._of_ps() if self._system.kind == "Darwin" else self._of_proc()

    def _of_proc(self) -> Iterator[Taken]:
        """/proc/PID/stat: the name in brackets, then fields 4 (parent), 14 and 15 (ticks). Source: proc(5)."""
        for path in self._system.paths("proc/[0-9]*/stat"):
            start, _, rest = (self._system.text(path) or "").rpartition(")")
            words = rest.split()
            with suppress(ValueError, IndexError):  # it has ended meanwhile
                yield Taken(
                    name=one_line(start.partition("(")[2], MAX_NAME) or UNNAMED,
                    process_id=int(Path(path).parent.name),
                    parent_id=int(words[1]),
                    processor_s=(int(words[11]) + int(words[12])) * TICK_S,
                )

    def _of_ps(self) -> Iterator[Taken]:
        try:
            text = self._run(["/bin/ps", "-Aceo", "pid=,ppid=,time=,comm="])
        except (OSError, ValueError, subprocess.SubprocessError):
            return
        for line in text.splitlines():
            words = line.split(None, 3)
            with suppress(ValueError, IndexError):
                yield Taken(
                    name=one_line(words[3], MAX_NAME) or UNNAMED,
                    process_id=int(words[0]),
                    parent_id=int(words[1]),
                    processor_s=_seconds(words[2]),
                )


def _grown_s(now: Taken, before: Taken | None) -> float:
    """All of it for a process that began since; one that took a dead one's number began since too."""
    return now.processor_s - (before.processor_s if before and before.processor_s <= now.processor_s else 0.0)


def _family(heads: Collection[int], processes: Iterable[Taken]) -> set[int]:
    """These processes and all that they started."""
    children: dict[int, list[int]] = {}
    for each in processes:
        children.setdefault(each.parent_id, []).append(each.process_id)
    found, left = set(heads), list(heads)
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
