"""macmon, a program that needs no root, as a way to read an Apple chip: JSON lines with mean powers in watts.

Source: the output format in the documentation of macmon (github.com/vladkens/macmon). The package of the same name on
the Python index is another program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from suite.errors import SensorError
from suite.power.program import Program, telling
from suite.power.sources.apple.common import PERIOD_S, RAILS, Piece, Shape, figure, frozen, with_rest

MAX_BYTES = 1 << 20  # of one line, with room to spare


def parse(line: bytes) -> Mapping[str, float] | None:
    """Watts per rail of RAILS, those that are told; None where the line tells no power of the CPU, or no number."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    powers = {rail: told[f"{rail}_power"] for rail in (*RAILS, "all") if told.get(f"{rail}_power") is not None}
    known = {rail: power_w for rail, value in powers.items() if (power_w := figure(value)) is not None}
    if len(known) < len(powers) or "cpu" not in known:
        return None
    return with_rest({rail: known[rail] for rail in RAILS if rail in known}, known.get("all"))


class Macmon:
    """A back end. program: its path; None: as the shell finds it."""

    name = "macmon"

    def __init__(self, program: str | None = None) -> None:
        interval_ms = f"{PERIOD_S * 1000:.0f}"
        self._program = Program((program or "macmon", "pipe", "--samples", "0", "--interval", interval_ms))

    def pieces(self) -> Iterator[Piece]:
        """A line's powers are means since the line before; it does not say for how long, so it is timed by arrival."""
        buffer, before_s, shape = b"", None, Shape(self.name)
        try:
            for chunk in self._program.chunks():
                *lines, buffer = (buffer + chunk.data).split(b"\n")
                if len(buffer) > MAX_BYTES:
                    break
                for powers_w in filter(None, map(parse, lines)):
                    duration_s = chunk.time_s - (chunk.time_s if before_s is None else before_s)
                    before_s = chunk.time_s
                    energy_j = {rail: power_w * duration_s for rail, power_w in shape.fit(powers_w).items()}
                    yield Piece(chunk.time_s, energy_j, tuple(powers_w.items()))
        except OSError as exc:
            raise SensorError(
                "MAC_TOOL_ABSENT", f"macmon can't be run: {exc.strerror}", "install it with `brew install macmon`"
            ) from exc
        told = telling(self._program.told)
        raise frozen("macmon", f"ended: {told}" if told else "ended, or prints something else than JSON lines")

    def close(self) -> None:
        self._program.close()
