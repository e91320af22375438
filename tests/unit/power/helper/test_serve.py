from __future__ import annotations

import contextlib
import errno
import json
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SensorError, UsageError
from suite.power.base import Description
from suite.power.helper import serve
from suite.power.helper import token as tokens
from suite.power.helper.lines import VERSION, Closed, Lines
from suite.power.helper.remote import Remote
from suite.power.helper.serve import LOOPBACK, Helper
from suite.power.sources.mac_helper import MacHelper
from suite.records import PowerTrace

TOKEN = "5e" * 32
HOUR_S = 3600.0
DRIFT = 50e-6


def macs_clock():
    """An hour ahead of ours, and fast by 50 ppm."""
    return time.monotonic() * (1 + DRIFT) + HOUR_S


class Sensor:
    """Gives one new sample at each reading, stamped by the Mac's clock, until it fails."""

    def __init__(self, fails=None):
        self.description = Description(
            scope="a test",
            rails=("cpu", "gpu"),
            quantity="power",
            period_s=0.05,
            minimum_window_s=0.1,
            resolution=0.25,
            gain_error=0.0,
        )
        self.fails, self.marks, self.open_count, self.most_open = fails, [], 0, 0

    def __enter__(self):
        self.open_count += 1
        self.most_open = max(self.most_open, self.open_count)
        return self

    def __exit__(self, *exc):
        self.open_count -= 1

    def mark(self, label):
        self.marks.append(label)

    def check(self):
        pass

    def collect(self):
        if self.fails:
            raise self.fails
        return PowerTrace(rails=("cpu", "gpu"), time_s=(macs_clock(),), power_w=((3.0,), (0.5,)))


@contextlib.contextmanager
def helper(sensor=None, **more):
    sensor = sensor or Sensor()
    served = Helper(lambda: sensor, TOKEN, 0, clock=macs_clock, **more)
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        yield served
    finally:
        served.close()
        thread.join(10)
        assert not thread.is_alive()
        assert sensor.open_count == 0


def connect(served):
    return Lines(socket.create_connection((LOOPBACK, served.port), 5))


def told(served, hello):
    lines = connect(served)
    try:
        lines.send(hello, 5)
        return lines.receive(5)
    finally:
        lines.close()


def test_a_client_with_the_token_gets_samples_on_its_own_clock():
    sensor = Sensor()
    with helper(sensor) as served:
        remote = Remote.connect(LOOPBACK, served.port, TOKEN)
        described = remote.description
        assert (described.scope, described.rails, described.resolution) == ("a test", ("cpu", "gpu"), 0.25)
        before_s = time.monotonic()
        (sample,) = remote.samples()
        after_s = time.monotonic()
        uncertainty_s = remote.clock_uncertainty_s()
        assert sample.values == (3.0, 0.5)
        assert before_s - uncertainty_s <= sample.time_s <= after_s + uncertainty_s
        assert 0 < described.clock_uncertainty_s <= uncertainty_s < 1.0
        remote.mark("load")
        assert sensor.marks == ["load"]
        remote.close()


@pytest.mark.parametrize("token", ["5e" * 31 + "5f", "x", "münze"])
def test_a_wrong_token_is_refused_with_a_reason(token):
    with helper() as served, pytest.raises(SensorError, match="the token is wrong") as caught:
        Remote.connect(LOOPBACK, served.port, token)
    assert caught.value.code == "MAC_HELPER_DOWN"
    assert "wrote last" in caught.value.remedy


CHALLENGE = "0f" * 32


@pytest.mark.parametrize("answer", ["", None, 5, ["5e"], "münze", "\ud800", "0f" * 32])
def test_who_does_not_know_the_token_is_refused(answer):
    with helper() as served:
        lines = connect(served)
        lines.send({"suite_power": VERSION, "challenge": CHALLENGE}, 5)
        assert tokens.is_proof(lines.receive(5)["proof"], TOKEN, "helper", CHALLENGE, "x") is False
        lines.send({"proof": answer}, 5)
        assert "the token is wrong" in lines.receive(5)["error"]["reason"]
        lines.close()


def test_the_helpers_own_proof_sent_back_is_none_of_the_client():
    with helper() as served:
        lines = connect(served)
        lines.send({"suite_power": VERSION, "challenge": CHALLENGE}, 5)
        lines.send({"proof": lines.receive(5)["proof"]}, 5)
        assert "the token is wrong" in lines.receive(5)["error"]["reason"]
        lines.close()


def test_proofs_are_compared_in_constant_time(monkeypatch):
    seen = []
    monkeypatch.setattr(tokens.hmac, "compare_digest", lambda a, b: seen.append((a, b)) or False)
    assert tokens.is_proof("münze", TOKEN, "client", CHALLENGE, CHALLENGE) is False
    assert seen == [("münze".encode(), tokens.proof(TOKEN, "client", CHALLENGE, CHALLENGE).encode())]


def test_the_token_is_never_sent():
    sent = []

    class Ears(Lines):
        def send(self, message, deadline_s):
            sent.append(json.dumps(message))
            super().send(message, deadline_s)

        def receive(self, deadline_s, *most):
            sent.append(json.dumps(found := super().receive(deadline_s, *most)))
            return found

    with helper() as served:
        remote = Remote(Ears(socket.create_connection((LOOPBACK, served.port), 5)), TOKEN, time.monotonic)
        assert remote.samples()
        remote.close()
    assert sent
    assert not any(TOKEN in line for line in sent)


@pytest.mark.parametrize("challenge", [None, "", "0f" * 31, "0F" * 32, 5, ["0f" * 32]])
def test_a_challenge_that_is_none_is_refused(challenge):
    with helper() as served:
        reply = told(served, {"suite_power": VERSION, "challenge": challenge})
    assert "challenge is none" in reply["error"]["reason"]


@pytest.mark.parametrize("version", [VERSION + 1, None, "1"])
def test_another_version_is_refused_with_both_numbers(version):
    with helper() as served:
        reply = told(served, {"suite_power": version, "challenge": CHALLENGE})
    assert reply["suite_power"] == VERSION
    assert f"version {VERSION} of the protocol, and the client version {version!r}" in reply["error"]["reason"]
    assert reply["error"]["code"] == "MAC_HELPER_DOWN"


HOSTILE = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"[" * 100_000 + b"\n",
    b"[" * 4000 + b"\n",
    b'{"suite_power": ' + b"9" * 4000 + b"}\n",
    b'{"suite_power": 2, "challenge": "\\ud800"}\n',
    b'{"suite_power": NaN}\n',
    b'{"suite_power": "' + b"x" * 3000 + b'"}\n',
    b"\0" * 5_000_000,
    b"null\n",
    b"",
]


def rudely(served, sent):
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, served.port), 5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


@pytest.mark.parametrize("sent", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_sent_costs_one_short_line_and_the_next_client_is_served(sent):
    log = []
    with helper(log=log.append) as served:
        rudely(served, sent)
        Remote.connect(LOOPBACK, served.port, TOKEN).close()
    about_the_first = next(line for line in log if "client measures" not in line)
    assert len(about_the_first) < 300
    assert about_the_first.isascii()
    assert len(log) == 3


@given(st.binary(max_size=200))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_no_bytes_end_the_helper(sent):
    with helper() as served:
        rudely(served, sent + b"\n")
        Remote.connect(LOOPBACK, served.port, TOKEN).close()


def test_many_connections_leave_room_for_the_client_and_for_the_system():
    most, log = [0], []
    with helper(log=log.append) as served:
        silent = [connect(served) for _ in range(300)]
        remote = Remote.connect(LOOPBACK, served.port, TOKEN)
        most.append(len(served._guests))
        assert remote.samples()
        more = [connect(served) for _ in range(50)]
        assert remote.samples()  # who has shown the token is not displaced
        most.append(len(served._guests))
        remote.close()
        for lines in silent + more:
            lines.close()
    assert max(most) <= serve.MAX_GUESTS
    assert all(len(line) < 200 for line in log)


def test_a_system_without_room_for_a_connection_is_waited_for(monkeypatch):
    monkeypatch.setattr(serve, "FULL_S", 0.001)
    log = []
    with helper(log=log.append) as served:
        real, fails = served._listener, [OSError(errno.EMFILE, "Too many open files")] * 5

        class Full:
            def accept(self):
                if fails:
                    raise fails.pop()
                return real.accept()

            def __getattr__(self, name):
                return getattr(real, name)

        served._listener = Full()
        Remote.connect(LOOPBACK, served.port, TOKEN).close()
        Remote.connect(LOOPBACK, served.port, TOKEN).close()
    assert [line for line in log if "no connection" in line] == ["no connection can be taken now: Too many open files"]


def test_a_sampler_that_can_not_be_started_costs_its_client_alone():
    log = []

    class Exhausted(Sensor):
        def __enter__(self):
            raise OSError(errno.EMFILE, "Too many open files")

    with helper(Exhausted(), log=log.append) as served, pytest.raises(SensorError, match="hung up"):
        Remote.connect(LOOPBACK, served.port, TOKEN)
    assert log == ["no sampler can be started now: Too many open files"]


@pytest.mark.parametrize(
    "request_", [{"mark": "a\nquit"}, {"mark": "\ud800"}, {"mark": 5}, {"ping": "x"}, {"ping": -1}, {"no": 1}, {}]
)
def test_a_request_that_is_none_is_refused(request_):
    sensor = Sensor()
    with helper(sensor) as served:
        remote = Remote.connect(LOOPBACK, served.port, TOKEN)
        with pytest.raises(SensorError, match="does not know the request"):
            remote._exchange(request_, 5)
        remote.close()
    assert sensor.marks == []


def test_a_client_that_is_no_client_is_hung_up_on_and_the_next_one_is_served():
    with helper() as served:
        lines = connect(served)
        lines._connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(Closed, match=r"hung up|gone"):
            lines.receive(5)
        lines.close()
        Remote.connect(LOOPBACK, served.port, TOKEN).close()


def test_clients_are_served_one_after_another():
    sensor = Sensor()
    with helper(sensor) as served:
        for _ in range(3):
            remote = Remote.connect(LOOPBACK, served.port, TOKEN)
            assert remote.samples()
            remote.close()
    assert sensor.most_open == 1


def test_a_second_client_at_the_same_time_is_refused(monkeypatch):
    monkeypatch.setattr(serve, "TAKEOVER_S", 0.05)
    with helper() as served:
        first = Remote.connect(LOOPBACK, served.port, TOKEN)
        with pytest.raises(SensorError, match="another client is measuring"):
            Remote.connect(LOOPBACK, served.port, TOKEN)
        assert first.samples()
        first.close()


def test_a_client_that_says_nothing_does_not_keep_the_turn(monkeypatch):
    monkeypatch.setattr(serve, "HANDSHAKE_DEADLINE_S", 0.05)
    with helper() as served:
        silent = connect(served)
        Remote.connect(LOOPBACK, served.port, TOKEN).close()
        silent.close()


def test_the_code_of_the_source_reaches_the_client():
    frozen = SensorError("MAC_FROZEN", "the counter stands still", "run again")
    with helper(Sensor(fails=frozen)) as served:
        remote = Remote.connect(LOOPBACK, served.port, TOKEN)
        with pytest.raises(SensorError, match="the counter stands still") as caught:
            remote.samples()
        remote.close()
    assert (caught.value.code, caught.value.remedy) == ("MAC_FROZEN", "run again")


def test_a_helper_that_ends_is_down():
    with helper() as served:
        remote = Remote.connect(LOOPBACK, served.port, TOKEN)
        served.close()
        with pytest.raises(SensorError, match="can't be used: it") as caught:
            remote.samples()
        remote.close()
    assert caught.value.code == "MAC_HELPER_DOWN"
    assert "suite power serve" in caught.value.remedy


def test_where_nothing_listens_the_helper_is_down():
    with helper() as served:
        port = served.port
    with pytest.raises(SensorError, match=f"nothing answers at 127.0.0.1:{port}") as caught:
        Remote.connect(LOOPBACK, port, TOKEN)
    assert caught.value.code == "MAC_HELPER_DOWN"


def test_something_else_that_listens_is_down():
    with socket.create_server((LOOPBACK, 0)) as listener:

        def greet():
            with listener.accept()[0] as connection:
                connection.sendall(b'{"hello": 1}\n')
                connection.recv(1000)

        answer = threading.Thread(target=greet)
        answer.start()
        with pytest.raises(SensorError, match="is it something else that listens"):
            Remote.connect(LOOPBACK, listener.getsockname()[1], TOKEN)
        answer.join()


def test_a_port_that_is_taken_is_wrong_use():
    with helper() as served, pytest.raises(UsageError, match="is another `suite power serve` running"):
        Helper(Sensor, TOKEN, served.port)


def test_it_listens_on_loopback_alone():
    with helper() as served:
        assert served._listener.getsockname()[0] == "127.0.0.1"


def test_the_source_reads_its_token_from_a_file_and_its_address_from_the_environment(tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    with helper() as served:
        source = MacHelper({"SUITE_POWER_HELPER": f"127.0.0.1:{served.port}"})
        options = {"token_file": str(tmp_path / "token")}
        assert source.available(options) is None
        described = source.open(options)
        samples = [source.read() for _ in range(3)]
        source.close()
    assert described.clock_uncertainty_s > 0
    assert [sample.time_s for sample in samples] == sorted(sample.time_s for sample in samples)


@pytest.mark.parametrize("address", ["nowhere", "host:", "host:0", "host:99999", ":80", "host:http"])
def test_an_address_that_is_none_is_wrong_use(address):
    with pytest.raises(UsageError, match="address must be HOST:PORT"):
        MacHelper({}).check({"address": address})


@pytest.mark.parametrize(("sent", "why"), [(b"[1]\n", "JSON object"), (b"x\n", "JSON"), (b"", "hung up")])
def test_lines_that_are_no_objects_close_the_connection(sent, why):
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    theirs.close()
    lines = Lines(ours)
    with pytest.raises(Closed, match=why):
        lines.receive(5)
    lines.close()


def test_two_lines_that_arrive_together_are_two_messages_and_silence_has_a_deadline():
    ours, theirs = socket.socketpair()
    theirs.sendall(json.dumps({"a": 1}).encode() + b'\n{"b": 2}\n{"c"')
    lines = Lines(ours)
    assert [lines.receive(5), lines.receive(5)] == [{"a": 1}, {"b": 2}]
    with pytest.raises(Closed, match=r"said nothing for 0\.01 s"):
        lines.receive(0.01)
    lines.close()
    theirs.close()
