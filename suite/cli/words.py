"""The text forms in which a person writes sizes, axes, names and power, and what they mean."""

from __future__ import annotations

import re
from pathlib import Path

from suite.errors import UsageError
from suite.limits import MAX_CALL_COUNT, MAX_PERCENTILE, MAX_PERCENTILE_COUNT
from suite.outside import brief, one_line

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


def ranges(texts: list[str] | None) -> tuple[tuple[str, tuple[float, float]], ...]:
    """["ids=0..30521", "sr=16000"] as names and both ends. Raises UsageError."""
    found: dict[str, tuple[float, float]] = {}
    for text in texts or ():
        name, _, ends = text.partition("=")
        low, dots, high = ends.partition("..")
        try:
            pair = _number(low), _number(high if dots else low)
        except ValueError:
            raise UsageError(
                f"--range: {text!r} is no range; write it as ids=0..30521, or sr=16000 for one value"
            ) from None
        if not name or pair[0] > pair[1]:
            raise UsageError(f"--range: {text!r} needs a name, and its lower end first; write it as ids=0..30521")
        found[name] = pair
    return tuple(found.items())


def _number(text: str) -> float:
    value = int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else float(text)
    if not -1e15 < value < 1e15:  # also catches NaN
        raise ValueError(text)
    return value


def shapes(texts: list[str] | None) -> tuple[tuple[str, tuple[int | str, ...]], ...]:
    """["x=batch,3,224,224"] as names and sizes, numbers or words. Raises UsageError."""
    found: dict[str, tuple[int | str, ...]] = {}
    for text in texts or ():
        name, equals, sizes = text.partition("=")
        parts = [part.strip() for part in sizes.split(",")] if sizes else []
        if not name or not equals or not all(re.fullmatch(r"[1-9][0-9]{0,8}|[A-Za-z][\w-]*", part) for part in parts):
            raise UsageError(f"--shape: {text!r} is no shape; write it as x=batch,3,224,224")
        found[name] = tuple(int(part) if part.isdigit() else part for part in parts)
    return tuple(found.items())


def plan_name(plan: str | None, quick: bool) -> str | None:
    """Raises UsageError where both are given."""
    if plan is not None and quick:
        raise UsageError("--quick is short for --plan quick: give one of the two")
    return "quick" if quick else plan


def threads(text: str | None) -> int | str | None:
    """A number, or text for the plan to judge ("all" is what it knows)."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else text


def call_count(value: int | None, option: str) -> int | None:
    """Raises UsageError for what is no number of calls."""
    if value is not None and not 1 <= value <= MAX_CALL_COUNT:
        raise UsageError(f"{option}: must be 1 to {MAX_CALL_COUNT:,} calls, got {brief(value)}")
    return value


def iterations(value: int | None, time_limit_s: float | None) -> int | None:
    """A fixed count. Raises UsageError where a limit of time is given too, which would not end it."""
    count = call_count(value, "--iterations")
    if count is not None and time_limit_s is not None:
        raise UsageError("--iterations: is a fixed count, which --time-limit would not end: give one of the two")
    return count


def percentiles(text: str | None) -> tuple[float, ...]:
    """ "50,90,99.9" as numbers, each once. Raises UsageError."""
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", part) for part in parts):
        raise UsageError(f"--percentile: {brief(text)} is not a list of percentiles; write it as 50,90,99.9")
    found = tuple(dict.fromkeys(map(float, parts)))
    least = round(100 - MAX_PERCENTILE, 6)
    for value in found:
        if not least <= value <= MAX_PERCENTILE:
            raise UsageError(f"--percentile: {value:g} is not between {least:g} and {MAX_PERCENTILE:g}")
    if len(found) > MAX_PERCENTILE_COUNT:
        raise UsageError(f"--percentile: at most {MAX_PERCENTILE_COUNT} of them, got {len(found)}")
    return found


def tags(texts: list[str] | None) -> tuple[tuple[str, str], ...]:
    """["cooling=fan"] as names and values, on one line each. Raises UsageError."""
    from suite.records.run import require_tags

    found: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        key, value = key.strip(), one_line(value, 10_000)
        if not equals or not value or key in found:
            why = "is given twice" if key in found and value else "has no value"
            raise UsageError(f"--tag: {brief(key)} {why}; write each once, as cooling=fan")
        found[key] = value
    try:
        require_tags(tuple(found.items()))
    except ValueError as error:
        raise UsageError(f"--tag: {error}") from error
    return tuple(found.items())


def minutes(value: float | None) -> float | None:
    """As seconds. Raises UsageError."""
    if value is not None and not 0 < value <= MAX_MINUTES:
        raise UsageError(f"--minutes: must be above 0 and at most {MAX_MINUTES:,}, got {value:g}")
    return None if value is None else value * 60


def sustained_minutes(value: float | None, seconds: float | None) -> float | None:
    """What --minutes and --duration of `suite sustained` say together. Raises UsageError."""
    if seconds is None:
        return value
    if value is not None:
        raise UsageError("--duration: is --minutes in seconds: give one of the two")
    if not 0 < seconds <= MAX_MINUTES * 60:
        raise UsageError(f"--duration: must be above 0 and at most {MAX_MINUTES * 60:,}, got {seconds:g}")
    return seconds / 60


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
