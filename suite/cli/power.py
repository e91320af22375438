"""`suite power serve`: the helper that a container on this Mac reads its power from."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from pathlib import Path

from suite.errors import UsageError
from suite.power import choice
from suite.power.helper import token as tokens
from suite.power.helper.lines import ADDRESS_VARIABLE, TOKEN_FILE, TOKEN_VARIABLE, VERSION
from suite.power.helper.serve import LOOPBACK, Helper
from suite.power.meter import Meter
from suite.records import NotMeasured
from suite.tools import Tools


def serve(tools: Tools, source: str, port: int, token_file: Path | None, *, as_json: bool) -> int:
    """Serves until Ctrl-C. Exit status 1 where the source gives no sample here. Raises UsageError."""
    if source == "none" or choice.imported(source) is not None:
        raise UsageError(f"--source {source}: has no readings to serve; name a sensor's source (suite list power)")
    meter = tools.select_meter(source)
    if isinstance(meter, NotMeasured):
        told = {"code": meter.code, "reason": meter.reason, "remedy": meter.remedy}
        print(json.dumps(told) if as_json else f"no power to serve: {meter.code}: {meter.reason}; {meter.remedy}")
        return 1
    token, path = tokens.new(), token_file or default_token_file()
    helper = Helper(lambda: meter.start(meter.source, meter.options), token, port, log=_say)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            tokens.write(token, path)
            print(_as_json(meter, helper, token, path) if as_json else _as_text(meter, helper, path), flush=True)
            helper.run()
    finally:
        helper.close()
    _say("stopped")
    return 0


def default_token_file() -> Path:
    """Beside no other file: a folder made under sudo would be root's, and shut the person out."""
    return Path.home() / ".suite-power-token"


def _as_text(meter: Meter, helper: Helper, path: Path) -> str:
    return "\n".join(
        [
            f"serving {meter.source} on {LOOPBACK}:{helper.port} (protocol {VERSION}): {meter.description.scope}",
            f"its token is in {path}, which you alone can read; a new one at every start",
            "",
            "In the container, one of the two:",
            f"    docker run {' '.join(map(shlex.quote, _by_file(helper, path)))} ... --power mac-helper",
            f'    export {TOKEN_VARIABLE}="$(cat {shlex.quote(str(path.absolute()))})"',
            f"    docker run {' '.join(map(shlex.quote, _by_variable(helper)))} ... --power mac-helper",
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


def _by_variable(helper: Helper) -> list[str]:
    """Docker takes the value from its own environment: on a command line every process could read it."""
    return [*_address(helper), "-e", TOKEN_VARIABLE]


def _address(helper: Helper) -> list[str]:
    return ["-e", f"{ADDRESS_VARIABLE}=host.docker.internal:{helper.port}"]


def _say(line: str) -> None:
    print(f"suite: {line}", file=sys.stderr, flush=True)
