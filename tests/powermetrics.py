"""Writes what powermetrics prints, and stands in for the program: it replays such a file in real time.

    python tests/powermetrics.py REPLAY [what powermetrics is called with]

Each list is printed elapsed_ns after the one before. When the first began is written to REPLAY.started, on the
system-wide monotonic clock; its process to REPLAY.pid. After the last list it stays silent, as a sensor that froze.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
"""


def plist(elapsed_s: float, **powers_mw: float) -> bytes:
    """One property list, the NUL before it included, with the named powers under `processor`."""
    told = "".join(f"\t<key>{key}</key>\n\t<real>{value:.6g}</real>\n" for key, value in powers_mw.items())
    body = (
        f"<dict>\n<key>is_delta</key>\n<true/>\n<key>elapsed_ns</key>\n<integer>{elapsed_s * 1e9:.0f}</integer>\n"
        f"<key>hw_model</key>\n<string>MacBookPro17,1</string>\n<key>processor</key>\n<dict>\n{told}</dict>\n</dict>\n"
        "</plist>\n"
    )
    return b"\0" + HEAD + body.encode()


def recording(elapsed_s: Sequence[float], cpu_w: Callable[[float], float], gpu_w: float = 0.5) -> bytes:
    """Lists over those times; cpu_w tells the CPU's power at the middle of one, in seconds since the start."""
    lists, at_s = [], 0.0
    for duration_s in elapsed_s:
        cpu_mw = cpu_w(at_s + duration_s / 2) * 1000
        lists.append(plist(duration_s, cpu_power=cpu_mw, gpu_power=gpu_w * 1000, ane_power=0.0))
        at_s += duration_s
    return b"".join(lists)


def truth_j(recorded: bytes, start_s: float, end_s: float) -> float:
    """Energy of all rails between two times since the start of a recording."""
    total_j, at_s = 0.0, 0.0
    for text in recorded.split(b"\0")[1:]:
        duration_s = int(re.search(rb"elapsed_ns</key>\n<integer>(\d+)", text)[1]) * 1e-9
        power_w = sum(float(value) for value in re.findall(rb"_power</key>\n\t<real>([^<]*)", text)) / 1000
        total_j += power_w * max(0.0, min(end_s, at_s + duration_s) - max(start_s, at_s))
        at_s += duration_s
    return total_j


def as_program(folder: Path, recorded: bytes) -> Path:
    """A program that replays the recording."""
    replay, program = folder / "replay", folder / "powermetrics"
    replay.write_bytes(recorded)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "{replay}" "$@"\n')
    program.chmod(0o755)
    return program


def main(replay: Path, arguments: Sequence[str]) -> None:
    assert arguments[:2] == ["--samplers", "cpu_power,gpu_power,ane_power"], arguments
    assert arguments[-4:] == ["-f", "plist", "-b", "0"], arguments
    started_s = due_s = time.monotonic()
    replay.with_suffix(".pid").write_text(str(os.getpid()))
    replay.with_suffix(".started").write_text(repr(started_s))
    for text in replay.read_bytes().split(b"\0")[1:]:
        due_s += int(re.search(rb"elapsed_ns</key>\s*<integer>(\d+)", text)[1]) * 1e-9
        time.sleep(max(0.0, due_s - time.monotonic()))
        sys.stdout.buffer.write(b"\0" + text)
        sys.stdout.buffer.flush()
    time.sleep(600)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
