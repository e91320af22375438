"""`suite power serve`: the helper that a container on this Mac reads its power from."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import sys
from pathlib import Path

from suite.errors import UsageError
from suite.power.helper.lines import ADDRESS_VARIABLE, TOKEN_FILE, TOKEN_VARIABLE, VERSION
from suite.power.helper.serve import LOOPBACK, Helper
from suite.power.meter import Meter
from suite.records import NotMeasured
from suite.tools import Tools

TOKEN_BYTES = 32


def serve(tools: Tools, source: str, port: int, token_file: Path | None, *, as_json: bool) -> int:
    """Serves until Ctrl-C. Exit status 1 where the source gives no sample here. Raises UsageError."""
    meter = tools.select_meter(source)
    if isinstance(meter, NotMeasured):
        told = {"code": meter.code, "reason": meter.reason, "remedy": meter.remedy}
        print(json.dumps(told) if as_json else f"no power to serve: {meter.code}: {meter.reason}; {meter.remedy}")
        return 1
    token, path = secrets.token_hex(TOKEN_BYTES), token_file or default_token_file()
    helper = Helper(lambda: meter.start(meter.source, meter.options), token, port, log=_say)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            write_token(token, path)
            print(_as_json(meter, helper, token, path) if as_json else _as_text(meter, helper, token, path), flush=True)
            helper.run()
    finally:
        helper.close()
    _say("stopped")
    return 0


def default_token_file() -> Path:
    """Beside no other file: a folder made under sudo would be root's, and shut the person out."""
    return Path.home() / ".suite-power-token"


def write_token(token: str, path: Path) -> None:
    """Into a file that its owner alone can read; under sudo that is the person who typed it. Raises UsageError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)  # it may have been there, readable by all
            if os.geteuid() == 0 and "SUDO_UID" in os.environ:
                os.fchown(descriptor, int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "-1")))
            file.truncate(0)  # not before nobody else can read it; in place, since a container may have it mounted
            file.write(token + "\n")
    except OSError as exc:
        raise UsageError(f"{path}: the token can't be written ({exc.strerror}); name a file with --token-file") from exc


def _as_text(meter: Meter, helper: Helper, token: str, path: Path) -> str:
    return "\n".join(
        [
            f"serving {meter.source} on {LOOPBACK}:{helper.port} (protocol {VERSION}): {meter.description.scope}",
            f"token: {token}",
            f"  (also in {path}, which you alone can read; a new one at every start)",
            "",
            "In the container, one of the two:",
            f"    docker run {' '.join(map(shlex.quote, _by_file(helper, path)))} ... --power mac-helper",
            f"    docker run {' '.join(map(shlex.quote, _by_variable(helper, token)))} ... --power mac-helper",
            "",
            "Ctrl-C ends it.",
        ]
    )


def _as_json(meter: Meter, helper: Helper, token: str, path: Path) -> str:
    return json.dumps(
        {
            "protocol": VERSION,
            "host": LOOPBACK,
            "port": helper.port,
            "source": meter.source,
            "scope": meter.description.scope,
            "token": token,
            "token_file": str(path),
            "docker_options": _by_file(helper, path),
        }
    )


def _by_file(helper: Helper, path: Path) -> list[str]:
    return [*_address(helper), "-v", f"{path.absolute()}:{TOKEN_FILE}:ro"]


def _by_variable(helper: Helper, token: str) -> list[str]:
    return [*_address(helper), "-e", f"{TOKEN_VARIABLE}={token}"]


def _address(helper: Helper) -> list[str]:
    return ["-e", f"{ADDRESS_VARIABLE}=host.docker.internal:{helper.port}"]


def _say(line: str) -> None:
    print(f"suite: {line}", file=sys.stderr, flush=True)
