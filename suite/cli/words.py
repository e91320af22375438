"""The text forms in which a person writes sizes, axes, names and power, and what they mean."""

from __future__ import annotations

import re
from pathlib import Path

from suite.errors import UsageError

MAX_MINUTES = 330  # in slices of a second; a plan with longer ones may ask for more
SELF_TEST_S = 60.0
MAX_SELF_TEST_S = 3600


def sizes(text: str | None, option: str) -> tuple[int, ...] | None:
    """ "1,2,4" as numbers. Raises UsageError."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"-?[0-9]{1,15}", part) for part in parts):
        raise UsageError(f"{option}: {text!r} is not a list of whole numbers; write it as 1,2,4")
    return tuple(map(int, parts))


def axes(texts: list[str] | None) -> tuple[tuple[str, tuple[int, ...]], ...] | None:
    """["text_tokens=8,16"] as names and numbers. Raises UsageError."""
    if texts is None:
        return None
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, numbers = text.partition("=")
        if not equals or name in found:
            why = "is given twice" if equals else "has no sizes"
            raise UsageError(f"--axis: {name!r} {why}; write each axis once, as text_tokens=8,16")
        found[name] = sizes(numbers, f"--axis {name}") or ()
    return tuple(found.items())


def plan_name(plan: str | None, quick: bool) -> str | None:
    """Raises UsageError where both are given."""
    if plan is not None and quick:
        raise UsageError("--quick is short for --plan quick: give one of the two")
    return "quick" if quick else plan


def threads(text: str | None) -> int | str | None:
    """A number, or text for the plan to judge ("all" is what it knows)."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else text


def minutes(value: float | None) -> float | None:
    """As seconds. Raises UsageError."""
    if value is not None and not 0 < value <= MAX_MINUTES:
        raise UsageError(f"--minutes: must be above 0 and at most {MAX_MINUTES:,}, got {value:g}")
    return None if value is None else value * 60


def names(texts: list[str] | None, option: str) -> tuple[str, ...] | None:
    """Repeated options, each of which may hold several names with commas between them. Raises UsageError."""
    if not texts:
        return None
    found = tuple(name.strip() for text in texts for name in text.split(","))
    if not all(found):
        raise UsageError(f"{option}: {','.join(texts)!r} holds an empty name; write them as a,b")
    return found


def self_test_s(asked: bool, seconds: float | None) -> float | None:
    """How long A is measured against A; None: it isn't asked for. Raises UsageError."""
    if not asked:
        if seconds is not None:
            raise UsageError("--seconds: it is of the self-test; add --self-test")
        return None
    if seconds is not None and not 1 <= seconds <= MAX_SELF_TEST_S:
        raise UsageError(f"--seconds: {seconds:g} is not between 1 and {MAX_SELF_TEST_S:,}")
    return SELF_TEST_S if seconds is None else seconds


def power(
    source: str | None,
    csv: Path | None = None,
    rails: str | None = None,
    sysfs_root: Path | None = None,
    *,
    from_before: bool = False,
) -> str | None:
    """What the options of power say together, in the form of --power. Raises UsageError."""
    if csv is not None:
        if source is not None and source.partition(":")[0] != "csv":
            raise UsageError(f"--power-csv: it is the power source, but --power names {source!r}; give one of the two")
        source = _with(source or "csv", "file", str(csv), "--power-csv")
    if from_before:
        if source is None or source.partition(":")[0] != "csv":
            raise UsageError("--power-csv-from-before: goes with a meter's log; name it with --power-csv")
        source = _with(source, "from_before", "yes", "--power-csv-from-before")
    if sysfs_root is not None:
        if not sysfs_root.is_dir():
            raise UsageError(f"--sysfs-root: {sysfs_root} is not a folder; give one that holds sys, proc and etc")
        source = _with(source or "auto", "root", str(sysfs_root.resolve()), "--sysfs-root")
    return source if rails is None else _with(source or "auto", "rails", rails, "--rails")


def _with(source: str, key: str, value: str, option: str) -> str:
    if "," in value:
        raise UsageError(f"{option}: {value!r} holds a comma, which parts options; give it without")
    return f"{source}{',' if ':' in source else ':'}{key}={value}"
