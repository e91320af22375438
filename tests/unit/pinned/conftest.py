from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.hub import Hub, Serve, serving


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts hubs that end with the test. A proxy of this machine's has no part in it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with ExitStack() as stack:

        def start(hub: Hub) -> Hub:
            return stack.enter_context(serving(hub))

        yield start
