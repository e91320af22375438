"""A peer that is no helper, or a hostile one: a SensorError in one line, or the right value."""

from __future__ import annotations

import json
import math
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError
from suite.power.helper import replies
from suite.power.helper import token as tokens
from suite.power.helper.lines import VERSION, Lines
from suite.power.helper.remote import Remote

TOKEN = "ab" * 32
READY = {
    "scope": "a test",
    "rails": ["cpu", "gpu"],
    "quantity": "power",
    "period_s": 0.05,
    "minimum_window_s": 0.1,
    "resolution": 0.25,
    "gain_error": 0.0,
    "settle_s": 0.0,
    "counter_range_j": None,
    "clock_uncertainty_s": 0.0,
    "part": "whole",
}
SAMPLES = {"time_s": [1.0, 2.0], "values": [[3.0, 3.5], [0.5, 0.25]]}
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


def peer(ours, answer):
    """A helper that knows the token; what it says to the requests behind the greeting is given."""
    lines = Lines(ours)
    hello = lines.receive(5)
    challenge = tokens.new()
    proof = tokens.proof(TOKEN, "helper", hello["challenge"], challenge)
    lines.send({"suite_power": VERSION, "challenge": challenge, "proof": proof}, 5)
    while True:
        try:
            request = lines.receive(5)
        except Exception:  # noqa: BLE001  # the client has gone
            return lines.close()
        ours.sendall(answer(request) + b"\n")


def usual(request, **instead):
    if "proof" in request:
        reply = {"ready": READY}
    elif "ping" in request:
        reply = {"pong": request["ping"], "time_s": time.monotonic()}
    elif "mark" in request:
        reply = {"marked": request["mark"]}
    else:
        reply = {"samples": SAMPLES}
    return json.dumps(instead.get(next(iter(reply)), reply)).encode()


def read(**instead):
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=peer, args=(theirs, lambda request: usual(request, **instead)))
    thread.start()
    lines = Lines(ours)
    try:
        remote = Remote(lines, TOKEN, time.monotonic)
        remote.mark("load")
        return remote.samples()
    finally:
        lines.close()
        thread.join(10)


def test_what_a_helper_says_is_read():
    assert [sample.values for sample in read()] == [(3.0, 0.5), (3.5, 0.25)]


@pytest.mark.parametrize(
    "error",
    [
        {"code": "", "reason": "r", "remedy": "m"},
        {"code": "A", "reason": "r", "remedy": "m"},
        {"code": "no code", "reason": "r", "remedy": "m"},
        {"code": "CODE", "reason": "", "remedy": "m"},
        {"code": "CODE", "reason": "r", "remedy": None},
        {"code": "CODE", "reason": "r"},
        {"code": "CODE", "reason": "r", "remedy": "m", "more": 1},
        {"reason": "r"},
        {},
        [],
        "no",
        None,
    ],
)
def test_an_error_that_is_none_is_a_helper_that_is_none(error):
    with pytest.raises(SensorError) as caught:
        read(samples={"error": error})
    more = isinstance(error, dict) and "more" in error
    assert caught.value.code == ("CODE" if more else "MAC_HELPER_DOWN")
    assert caught.value.reason
    assert caught.value.remedy


def test_an_error_of_many_lines_is_told_in_one():
    with pytest.raises(SensorError) as caught:
        read(samples={"error": {"code": "MAC_FROZEN", "reason": "a\n\x1b[31mb" + "x" * 10_000, "remedy": "c\ud800d"}})
    assert caught.value.code == "MAC_FROZEN"
    assert caught.value.reason.startswith("a [31mbxx")
    assert len(caught.value.reason) == replies.MAX_TEXT
    assert caught.value.remedy == "c d"


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, 10**400, True, "5", None, [5]])
@pytest.mark.parametrize("field", ["period_s", "minimum_window_s", "resolution", "settle_s", "clock_uncertainty_s"])
def test_a_figure_that_can_not_be_is_refused_whichever_it_describes(field, value):
    with pytest.raises(SensorError, match="the helper on the Mac can't be used") as caught:
        read(ready={"ready": {**READY, field: value}})
    assert caught.value.code == "MAC_HELPER_DOWN"


@pytest.mark.parametrize(
    "ready",
    [
        {**READY, "rails": []},
        {**READY, "rails": ["a"] * 2},
        {**READY, "rails": [f"r{n}" for n in range(1000)]},
        {**READY, "rails": [5]},
        {**READY, "quantity": "volts"},
        {**READY, "part": "moon"},
        {**READY, "scope": ""},
        {**READY, "period_s": 0},
        {**READY, "gain_error": -0.1},
        {**READY, "counter_range_j": 0},
        {**READY, "unknown": 1},
        {},
        [],
    ],
)
def test_a_description_that_is_none_is_refused(ready):
    with pytest.raises(SensorError, match="can't be used: it gave"):
        read(ready={"ready": ready})


@pytest.mark.parametrize(
    "samples",
    [
        {"time_s": [1.0], "values": [[3.0]]},
        {"time_s": [1.0], "values": [[3.0], [1.0, 2.0]]},
        {"time_s": [math.inf], "values": [[3.0], [1.0]]},
        {"time_s": [1.0], "values": [[math.nan], [1.0]]},
        {"time_s": [1.0], "values": [[1e308], [1.0]]},
        {"time_s": 1.0, "values": [[], []]},
        {"time_s": []},
        [],
        None,
    ],
)
def test_samples_that_are_none_are_refused(samples):
    with pytest.raises(SensorError, match="the helper on the Mac can't be used") as caught:
        read(samples={"samples": samples})
    assert caught.value.code == "MAC_HELPER_DOWN"


@pytest.mark.parametrize("time_s", [math.inf, "now", None, 1e300])
def test_a_clock_that_is_none_is_refused(time_s):
    with pytest.raises(SensorError) as caught:
        read(pong={"pong": 1, "time_s": time_s})
    assert caught.value.code == "MAC_HELPER_DOWN"


@given(VALUES, st.sampled_from(sorted(READY)))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_description_is_refused_or_one_that_can_be_used(value, field):
    try:
        found = replies.description({**READY, field: value})
    except replies.Odd:
        return
    assert 0 < found.period_s <= 60
    assert 0 <= found.minimum_window_s <= 3600
    assert found.scope.isprintable()


@given(VALUES, VALUES)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_samples_are_refused_or_finite(time_s, values):
    try:
        found = replies.samples({"time_s": time_s, "values": values}, 1)
    except replies.Odd:
        return
    assert all(math.isfinite(sample.time_s) and math.isfinite(sample.values[0]) for sample in found)


@given(VALUES)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_error_is_refused_or_has_its_three_words(error):
    try:
        found = replies.refusal(error)
    except replies.Odd:
        return
    assert found.code
    assert found.reason
    assert found.remedy
