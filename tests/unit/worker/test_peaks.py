"""The account of memory that is one on a machine that shares it with its GPU."""

import pytest

from suite.worker import memory, peaks


@pytest.mark.parametrize(
    ("is_unified", "now_bytes", "expected"),
    [(True, 300, 700), (True, 1200, 0), (True, None, None), (False, 300, None), (None, 300, None)],
)
def test_what_a_machine_gave_is_told_where_it_shares_its_memory(monkeypatch, is_unified, now_bytes, expected):
    monkeypatch.setattr(memory, "process_memory", lambda: memory.ProcessMemory(50, 60))
    monkeypatch.setattr(memory, "device_peak_bytes", lambda *_: 10)
    monkeypatch.setattr(memory, "available_bytes", lambda: now_bytes)
    account = {**dict.fromkeys(memory.ACCOUNT), "device_is_unified": is_unified}
    monkeypatch.setattr(memory, "device_account", lambda *_: account)
    made = peaks.Peaks(lambda: None, lambda: "cuda:0")
    made.available_bytes = 1000
    found = made.account()
    assert found["machine_taken_bytes"] == expected
    assert (found["resident_bytes"], found["device_peak_bytes"]) == (50, 10)
