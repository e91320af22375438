"""`suite power serve` on fakes: what it says, and where the token goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.cli.power import default_token_file
from suite.power.helper.lines import PORT, VERSION
from suite.power.helper.serve import Helper
from tests.cli.conftest import CommandLine
from tests.fakes import FakeClock, fake_meter, fake_tools


@pytest.fixture
def serving(suite: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A Mac whose source works; Ctrl-C comes as soon as it serves."""

    def interrupted(_: Helper) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Helper, "run", interrupted)
    asked: list[str] = []
    suite.tools = fake_tools(
        suite.folder / "plans", suite.workers, lambda spec: asked.append(spec) or fake_meter(FakeClock())
    )
    return suite


def test_it_says_what_to_type_in_the_container(serving: CommandLine) -> None:
    result = serving("power", "serve", "--port", "0", "--token-file", "token")
    assert result.status == 0
    lines = result.out.splitlines()
    port = lines[0].removeprefix("serving fake on 127.0.0.1:").partition(" ")[0]
    token = Path("token").read_text().strip()
    assert lines[0] == f"serving fake on 127.0.0.1:{port} (protocol {VERSION}): fake"
    assert lines[1].startswith("its token is in token, which you alone can read")
    assert token not in result.out  # on a command line every process could read it
    address = f"docker run -e SUITE_POWER_HELPER=host.docker.internal:{port}"
    mount = f"-v {Path('token').absolute()}:/run/secrets/suite-power-token:ro"
    assert lines[4].strip() == f"{address} {mount} ... --power mac-helper"
    assert lines[5].strip() == f'export SUITE_POWER_TOKEN="$(cat {Path("token").absolute()})"'
    assert lines[6].strip() == f"{address} -e SUITE_POWER_TOKEN ... --power mac-helper"
    assert result.err == "suite: stopped\n"


def test_every_start_makes_a_new_token(serving: CommandLine) -> None:
    tokens = set()
    for _ in range(2):
        serving("power", "serve", "--port", "0", "--token-file", "token")
        tokens.add(Path("token").read_text())
    assert len(tokens) == 2


def test_without_a_source_that_works_nothing_is_served(suite: CommandLine) -> None:
    result = suite("power", "serve", "--token-file", "token")
    assert result.status == 1
    assert result.out == "no power to serve: NO_POWER_SOURCE: there is no sensor; connect one\n"
    assert not Path("token").exists()
    assert suite("power", "serve", "--json").answer["code"] == "NO_POWER_SOURCE"


def test_a_port_that_is_none_is_wrong_use(serving: CommandLine) -> None:
    result = serving("power", "serve", "--port", "70000", "--token-file", "token")
    assert result.status == 2
    assert "--port" in result.error
    assert "65535" in result.error


def test_its_defaults_are_the_chip_and_the_clients_own_port(serving: CommandLine) -> None:
    shown = serving("power", "serve", "--help").out
    assert str(PORT) in shown
    assert "apple" in shown


def test_the_token_file_lies_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = default_token_file()
    assert path.parent == tmp_path
