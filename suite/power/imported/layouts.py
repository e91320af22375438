"""What single meters' exports do that no name of a column tells; tests/data/meters holds each one's layout.

Sources: Nordic, pc-nrfconnect-ppk (`Timestamp(ms),Current(uA)`, optionally with D0 to D7). Monsoon, PowerTool ("Main
Avg Power (mW)") and PyMonsoon's sampleEngine ("Main(mA)"). Texas Instruments, INA219 data sheet (its power register is
current times bus voltage). Home Assistant, panel History, Download data. TP-Link, tapo's EnergyUsageResult (milliwatts)
and CurrentPowerResult (watts), which both say `current_power`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

VOLTS = "say the voltage: --power csv:volts=5.0, or csv:volts=NAME of a column; or export the power as well"


class Layout(NamedTuple):
    """A meter, the names that tell its export, and what to type where its export leaves something open."""

    meter: str
    names: frozenset[str]
    remedy: str


LAYOUTS = (
    Layout(
        "Nordic PPK2",
        frozenset(("timestamp(ms)", "current(ua)")),
        "say the voltage that the PPK2 supplied or that its ammeter's circuit has: --power csv:volts=3.3",
    ),
    Layout(
        "Otii",
        frozenset(("timestamp", "main current (a)")),
        "export Main power as well, or say the voltage that the Otii supplied: --power csv:volts=3.7",
    ),
    Layout(
        "Tapo",
        frozenset(("current_power",)),
        "the plug's energy usage tells it in milliwatts, its current power in watts: say which by --power csv:unit=mW,"
        " or csv:unit=W",
    ),
)
HOME_ASSISTANT = ("entity_id", "state")
CHANGED = ("last_changed", "last_updated")  # either is the time
UNSAID = frozenset(("current_power",))  # names of powers whose unit differs between two exports
MAIN = "main"  # the channel that a meter with several feeds the device by
BESIDE = 0.01  # and how much of its power the others may carry


def of(row: Sequence[str]) -> Layout | None:
    """The layout whose names are all in the head."""
    names = {name.strip().lower() for name in row}
    return next((layout for layout in LAYOUTS if layout.names <= names), None)
