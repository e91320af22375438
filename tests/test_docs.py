"""What the documents say is true: commands exist and are documented, examples run, links lead somewhere."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from suite.battery import complete
from suite.cli.app import app
from suite.cli.options import OUTPUT, Given
from suite.power.base import Source
from suite.records import store
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView
from suite.report.writers import markdown
from suite.worker import plugins
from suite.worker.build import build
from suite.worker.complexity import count_parameters
from suite.worker.weights import Stream
from tests.contract.test_sections import cut_off_run

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
README = DOCUMENTS[0].read_text()
CONTRIBUTING = DOCUMENTS[1].read_text()
ROOT = typer.main.get_command(app)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words: (("models", "lock"), command)."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(ROOT))


def each_command(test: Any) -> Any:
    return pytest.mark.parametrize("words", COMMANDS, ids=" ".join)(test)


def parse(line: str) -> tuple[str, ...]:
    """The words of the command that a line of shell names, once its options and arguments were understood."""
    words = shlex.split(line, comments=True)[1:]
    path = max((known for known in COMMANDS if tuple(words[: len(known)]) == known), key=len)
    COMMANDS[path].make_context(" ".join(path), words[len(path) :])
    return path


def example_lines(text: str) -> list[str]:
    return re.findall(r"^ {4}(suite .*)$", text, re.MULTILINE)


def code(kind: str, document: str = CONTRIBUTING) -> str:
    (block,) = re.findall(rf"^```python {kind}\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    return str(block)


@each_command
def test_the_readme_shows_every_command(words: tuple[str, ...]) -> None:
    assert words in {parse(line) for line in example_lines(README)}


@each_command
def test_every_help_text_ends_in_an_example_that_parses(words: tuple[str, ...]) -> None:
    epilog = COMMANDS[words].epilog or ""
    assert epilog.startswith("Example: suite ")
    assert parse(epilog.removeprefix("Example: ")) == words


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {
        name for path in DOCUMENTS for name in re.findall(r"\bmake ([a-z][a-z-]+)\b(?=[`\n ]* *[`#])", path.read_text())
    }
    assert {"bench", "test"} <= named <= targets


def test_every_target_says_what_it_needs_and_does() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[0].replace("\\\n", "").split()
    assert [name for name in phony if not re.search(rf"^{name}:.* ## \S", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(document: Path) -> None:
    """Paths in backticks; those with a placeholder, and the new files of the examples, are no files here."""
    examples = {"suite/worker/models/tiny.py", "suite/power/sources/my_meter.py", "suite/report/sections/tasks.py"}
    named = re.findall(r"`((?:suite|tests|plans|locks|docs|benchmarks)/[\w./-]+)`", document.read_text())
    assert [name for name in named if name not in examples and not (REPOSITORY / name).exists()] == []


def test_documents_that_the_source_refers_to_exist() -> None:
    sources = [path.read_text() for path in (REPOSITORY / "suite").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"\b(docs/[\w.-]+\w)", text)}
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []


def test_the_example_model_can_be_found_built_and_run(tmp_path: Path) -> None:
    (tmp_path / "tiny.py").write_text(code("model"))
    model = plugins.get(plugins.MODELS, "tiny", folders=[str(tmp_path)])
    module = build(model, {"checkpoint": None})
    assert count_parameters(module)["unique_count"] == 16 * 4 + 4
    call, step_count = model.bind(module, model.inputs(2, {"text_tokens": 8}, Stream(0, "inputs")), "forward")
    assert call().shape == (2, 8, 4)
    assert step_count == 1


def test_the_example_power_source_reads_watts(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(compile(code("power"), "CONTRIBUTING.md", "exec"), names)
    source: Source = names["PLUGIN"]
    missing = source.available({})
    assert missing is not None
    assert missing.code == "METER_ABSENT"
    names["POWER_FILE"] = tmp_path / "power_mw"
    names["POWER_FILE"].write_text("5250\n")
    assert source.available({}) is None
    assert source.open({}).rails == ("5V",)
    assert source.read().values == (5.25,)


def test_the_example_section_renders_a_table() -> None:
    names: dict[str, Any] = {}
    exec(compile(code("section"), "CONTRIBUTING.md", "exec"), names)
    section: Section = names["PLUGIN"]
    lines = markdown.blocks(section.render(RunView(cut_off_run()), Plots())).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == ["params", "LXMERT", "1"]


def test_the_readmes_ten_lines_of_python_run_a_battery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """On the real worker: what is printed is what the example prints, and the run is complete and on disk."""
    monkeypatch.chdir(tmp_path)
    example = code("battery", README)
    assert len([line for line in example.splitlines() if line]) <= 10
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)
    run = names["run"]
    assert complete(run)
    assert {record.task.test for record in run.records} == {"params", "latency"}
    assert run == store.load(tmp_path / "results/from-python")
    printed = capfd.readouterr()
    assert printed.out.splitlines()[-1] == "results/from-python/report.md"
    assert len(printed.out.splitlines()) == len(run.records) + 1
    assert printed.err == ""


def everything(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Groups of commands too, as the list of commands shows them."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from everything(command, (*path, name))


EVERYTHING = dict(everything(ROOT))


@pytest.mark.parametrize("words", EVERYTHING, ids=" ".join)
def test_a_short_help_fits_on_its_line(words: tuple[str, ...]) -> None:
    """At 80 columns, beside the longest name: it never ends in "..."."""
    short = EVERYTHING[words].get_short_help_str(60)
    assert 10 <= len(short) <= 60, f"suite {' '.join(words)}: {len(short)} characters: {short!r}"
    assert re.search(r"[^.]\.$", short), f"suite {' '.join(words)}: {short!r}"


@each_command
def test_a_command_shows_its_options_under_their_groups(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    shown = command.get_help(command.make_context(" ".join(words), [], resilient_parsing=True))
    headings = {param.rich_help_panel for param in command.params if getattr(param, "rich_help_panel", None)}
    assert OUTPUT in headings
    assert all(f"\n{heading}:\n" in shown for heading in headings), shown


def test_an_option_is_declared_once() -> None:
    """Commands take shared options from one table: no two of their own have the same name."""
    shared = {field.name for field in dataclasses.fields(Given)}
    own: dict[str, list[str]] = {}
    for words, command in COMMANDS.items():
        for param in command.params:
            if param.param_type_name == "option" and param.name not in shared | {"help", "to"}:
                own.setdefault(param.opts[0], []).append(" ".join(words))
    assert {name: where for name, where in own.items() if len(where) > 1} == {}


def test_the_example_of_a_gate_is_a_workflow(tmp_path: Path) -> None:
    """By the schema of GitHub's workflows that check-jsonschema carries."""
    (block,) = re.findall(
        r"^```yaml workflow\n(.*?)^```", (REPOSITORY / "docs/compare.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "gate.yml").write_text(block)
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*check, str(tmp_path / "gate.yml")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "ok -- validation done")
    lines = block.replace("\\\n", " ").splitlines()
    (line,) = (line for line in lines if ".venv/bin/suite compare" in line)
    assert parse(line.strip().removeprefix(".venv/bin/").partition(" || ")[0]) == ("compare",)
