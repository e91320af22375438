"""The helper on the Mac (`suite power serve`), for a container on it, which sees no sensor of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from suite.errors import UsageError
from suite.host.system import System
from suite.power.base import Description, Options, Sample, Source
from suite.power.helper.lines import ADDRESS_VARIABLE, PORT, TOKEN_FILE, TOKEN_VARIABLE
from suite.power.helper.remote import Remote, down
from suite.power.mac import refusal
from suite.records import NotMeasured

ADDRESS = f"host.docker.internal:{PORT}"


class MacHelper(Source):
    name = "mac-helper"
    summary = "what `suite power serve` reads on the Mac, for a container on it"
    machine = "container on a Mac"
    rank = 65
    codes_elsewhere = frozenset({"NO_HELPER"})
    options: ClassVar[Mapping[str, str]] = {
        "address": f"HOST:PORT of the helper (the variable {ADDRESS_VARIABLE}, else {ADDRESS})",
        "token_file": f"file with its token (the variable {TOKEN_VARIABLE}, else {TOKEN_FILE})",
    }

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self._environ = environ
        self._clock = clock
        self._remote: Remote | None = None
        self._latest: Sample | None = None

    def check(self, options: Options) -> None:
        _host_port(options.get("address", ADDRESS))

    def available(self, options: Options) -> NotMeasured | None:
        if self._token(options):
            return None
        missing = refusal(System(root=Path(options.get("root", "/"))))
        if missing is not None and missing.code == "MAC_CONTAINER":
            return missing
        return NotMeasured(
            code="NO_HELPER",
            reason=f"no helper was named: neither {TOKEN_VARIABLE} nor {TOKEN_FILE} holds a token",
            remedy="a container on a Mac needs `suite power serve` on the Mac; nothing else does",
        )

    def open(self, options: Options) -> Description:
        """Raises SensorError: MAC_HELPER_DOWN, or the code of the source behind the helper."""
        token = self._token(options)
        if token is None:
            raise down(f"no token: {self._token_file(options)} is not there or can't be read")
        try:
            host, port = _host_port(options.get("address") or self._environ.get(ADDRESS_VARIABLE) or ADDRESS)
        except UsageError as exc:
            raise down(f"{ADDRESS_VARIABLE} is no address ({exc})") from exc
        self._remote = Remote.connect(host, port, token, self._clock)
        return self._remote.description

    def read(self) -> Sample:
        return self.readings()[-1]

    def readings(self) -> Sequence[Sample]:
        assert self._remote is not None  # open made it
        samples = self._remote.samples() or ([self._latest] if self._latest else [])
        self._latest = samples[-1]
        return samples

    def clock_uncertainty_s(self) -> float:
        assert self._remote is not None  # open made it
        return self._remote.clock_uncertainty_s()

    def mark(self, label: str) -> None:
        assert self._remote is not None  # open made it
        self._remote.mark(label)

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def _token(self, options: Options) -> str | None:
        if "token_file" not in options and (given := self._environ.get(TOKEN_VARIABLE, "").strip()):
            return given
        try:
            return Path(self._token_file(options)).read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def _token_file(self, options: Options) -> str:
        return options.get("token_file", TOKEN_FILE)


def _host_port(address: str) -> tuple[str, int]:
    """Raises UsageError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise UsageError(f"--power mac-helper: address must be HOST:PORT, as in {ADDRESS}, got {address!r}")
    return host.strip("[]"), int(port)


PLUGIN = MacHelper()
