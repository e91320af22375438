from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.power.helper import token as tokens
from suite.power.sources.mac_helper import MacHelper

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def test_a_token_is_written_for_its_owner_alone_and_read_again(tmp_path):
    path = tmp_path / "token"
    tokens.write("abc", path)
    assert path.read_text() == "abc\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tokens.read(path) == "abc"


def test_an_older_file_of_ones_own_is_used_in_place(tmp_path):
    path = tmp_path / "token"
    path.write_text("an old one, readable by all" * 10)
    path.chmod(0o644)
    inode = path.stat().st_ino
    tokens.write("abc", path)
    assert (path.read_text(), path.stat().st_ino) == ("abc\n", inode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def fifo(path):
    os.mkfifo(path)


def link(path):
    path.symlink_to(path.with_name("elsewhere"))


def second_name(path):
    path.with_name("elsewhere").write_text("x")
    os.link(path.with_name("elsewhere"), path)


@pytest.mark.parametrize("make", [Path.mkdir, fifo, link, second_name])
def test_what_is_no_file_of_ones_own_is_left_as_it_is(tmp_path, make):
    path = tmp_path / "token"
    make(path)
    before = path.lstat()
    with pytest.raises(UsageError, match=r"the token can't be written .*name a file of your own with --token-file"):
        tokens.write("abc", path)
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert not path.with_name("elsewhere").exists() or path.with_name("elsewhere").read_text() == "x"


@pytest.mark.parametrize("device", [Path("/dev/null"), Path("/dev/zero")])
def test_a_device_keeps_its_mode_and_owner(device):
    before = device.stat()
    with pytest.raises(UsageError, match="it is no regular file"):
        tokens.write("abc", device)
    after = device.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@as_root
def test_a_file_that_another_user_made_beforehand_stays_without_a_token(tmp_path):
    path = tmp_path / "token"
    path.write_text("his")
    os.chown(path, 1234, 1234)
    with pytest.raises(UsageError, match="it belongs to another user, of the number 1234"):
        tokens.write("abc", path)
    assert path.read_text() == "his"


@as_root
def test_under_sudo_the_persons_own_file_is_hers(monkeypatch, tmp_path):
    monkeypatch.setenv("SUDO_UID", "501")
    monkeypatch.setenv("SUDO_GID", "20")
    path = tmp_path / "token"
    path.write_text("an old one")
    os.chown(path, 501, 20)
    tokens.write("abc", path)
    assert (path.stat().st_uid, path.stat().st_gid) == (501, 20)


@pytest.mark.parametrize("text", [b"", b"\n", b"two words\n", b"m\xfcnze", b"a\nb", b"x" * 5000, b"a\0b"])
def test_what_holds_no_token_gives_none(tmp_path, text):
    path = tmp_path / "token"
    path.write_bytes(text)
    assert tokens.read(path) is None


def test_a_pipe_in_the_tokens_place_is_no_token_and_nobody_waits(tmp_path):
    fifo(tmp_path / "token")
    assert tokens.read(tmp_path / "token") is None
    assert tokens.read(Path("/dev/zero")) is None
    assert tokens.read(tmp_path) is None
    assert MacHelper({}).available({"token_file": str(tmp_path / "token")}).code in ("NO_HELPER", "MAC_CONTAINER")


def test_the_two_proofs_differ_and_so_do_those_of_other_challenges():
    ours, theirs = tokens.new(), tokens.new()
    made = {
        tokens.proof("t", side, *pair) for side in ("helper", "client") for pair in ((ours, theirs), (theirs, ours))
    }
    assert len(made) == 4
    assert tokens.is_proof(tokens.proof("t", "client", ours, theirs), "t", "client", ours, theirs)
    assert not tokens.is_proof(tokens.proof("u", "client", ours, theirs), "t", "client", ours, theirs)
