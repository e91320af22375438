"""Text that is not ours in a report: whatever it holds, the page has our headings, our pictures and no HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from suite.records import Damage, Flag, NotMeasured, Run
from suite.report import page, text
from suite.report.escape import BLANK, code, inline, listed, markdown
from suite.report.plots import MAX_NAME, short
from suite.report.writers.text import blocks
from tests.unit.report import synthetic

HOSTILE = (
    "<script>alert(1)</script>",
    "a](http://evil.example/x) ![b](http://evil.example/y.png)",
    "x\n# Heading\n\n- list\n\n<img src=x>",
    "# Heading",
    "a|b | c",
    "`code` ``more``",
    "**bold** _em_ ~~no~~",
    "&lt;b&gt; &#60;i&#62;",
    "[ref]: http://evil.example",
    "$x^$ \\ \\[x",
    "\x1b[31mred\x07 \u202etxt",
    " ",
    "1. one",
    "> quoted",
    "---",
    "漢字のモデル",
    "m" * 3000,
)
PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.text(alphabet="<>[]()!#*_`|~&;\\$-+=1. \nabc\x1b", max_size=30) | st.sampled_from(HOSTILE))
def test_escaped_text_is_words_and_nothing_else(given_text: str) -> None:
    for escaped in (markdown(given_text), inline(given_text), code(given_text)):
        assert escaped
        assert len(escaped.splitlines()) == 1
        for around in (f"- {escaped}", f"**Figure**: {escaped}.", f"| a |\n|---|\n| {inline(given_text)} |"):
            if around == f"- {escaped}" and escaped is not markdown(given_text):
                continue  # where a line begins, `markdown` is the one
            tokens = [token for block in PARSER.parse(around) for token in [block, *(block.children or ())]]
            kinds = {token.type for token in tokens}
            assert not kinds & {
                "html_block",
                "html_inline",
                "image",
                "link_open",
                "heading_open",
                "fence",
                "code_block",
            }
            assert not kinds & {"blockquote_open", "ordered_list_open", "hr", "s_open", "em_open"}
            assert sum(token.type == "td_open" for token in tokens) == around.startswith("|")


def test_words_of_ours_are_left_as_they_are() -> None:
    assert inline("LXMERT, batch 1, 20 text_tokens (95 %), n = 10 − 2.5 ± 0.1") == (
        "LXMERT, batch 1, 20 text_tokens (95 %), n = 10 − 2.5 ± 0.1"
    )
    assert code("aten::mm") == "`aten::mm`"
    assert code("a`b") == "a\\`b"
    assert inline("\n") == BLANK
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(45)]).endswith("39, and 5 more")


def hostile_run(words: str) -> Run:
    """The same words in every field that may hold any."""
    run = synthetic.make_run(synthetic.standard_tasks(models=("lxmert",)), call_count=8, power="simulated")
    absent = NotMeasured(code=words, reason=words, remedy=words)
    host = replace(
        run.records[0].host, board=words, cpu_model=words, os=words, kernel=words, accelerators=(words,),
        versions=((words, words),), suite_version=words, git_commit=words, probe_faults=(words,),
    )  # fmt: skip
    records = []
    for number, record in enumerate(run.records):
        made = replace(
            record, host=host, flags=(Flag(code=words, text=words),), started_utc=words, failure=words,
            before=replace(record.before, governors=(words,), power_mode=words, temperature_c=((words, 40.0),)),
        )  # fmt: skip
        if number % 3 == 0 and made.latency is not None:
            made = replace(made, latency=absent, memory=absent)
        if made.flops is not None and not isinstance(made.flops, NotMeasured):
            made = replace(made, flops=replace(made.flops, uncounted=(words,)))
        if made.provenance is not None:
            made = replace(made, provenance=replace(made.provenance, inputs_checked=(words,), weights_sha256=words))
        if made.energy is not None and not isinstance(made.energy, NotMeasured):
            made = replace(made, energy=replace(made.energy, source=words, scope=words))
        records.append(made)
    manifest = replace(run.manifest, plan_description=words, started_utc=words, suite_version=words, power=words)
    return Run(manifest=manifest, records=tuple(records), damaged=(Damage(line_number=3, text=words),))


@dataclass(frozen=True)
class Declared:
    title: str
    task: str
    why: str
    source: str
    axes: tuple[synthetic.Axis, ...]


def declared(words: str) -> dict[str, Declared]:
    axes = tuple(synthetic.Axis(axis.name, words, axis.default) for axis in synthetic.MODELS["lxmert"].axes)
    return {"lxmert": Declared(title=words, task=words, why=words, source=words, axes=axes)}


OURS = ("blockquote_open", "ordered_list_open")  # notes, the lab's questions


@pytest.fixture(scope="module")
def of_plain_words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many notes and numbered lists there are where the words mean nothing to Markdown."""
    page_ = page.render(hostile_run("plain"), tmp_path_factory.mktemp("plain"), declared("plain"))
    types = [token.type for token in PARSER.parse(page_.read_text(encoding="utf-8"))]
    return {kind: types.count(kind) for kind in OURS}


@pytest.mark.parametrize("words", HOSTILE, ids=[repr(words[:12]) for words in HOSTILE])
def test_a_report_of_hostile_words_has_our_headings_and_pictures_alone(
    words: str, tmp_path: Path, recwarn: pytest.WarningsRecorder, of_plain_words: dict[str, int]
) -> None:
    run = hostile_run(words)
    found = page.render(run, tmp_path, declared(words)).read_text(encoding="utf-8")
    tokens = [token for block in PARSER.parse(found) for token in [block, *(block.children or ())]]
    types = [token.type for token in tokens]
    assert "fence" not in types
    assert {kind: types.count(kind) for kind in OURS} == of_plain_words
    html = [line for token in tokens if token.type.startswith("html_") for line in token.content.split("\n") if line]
    assert [line for line in html if not re.fullmatch(r"</?details>|<details><summary>[^<>]*</summary>", line)] == []
    pictures = [str(token.attrs["src"]) for token in tokens if token.type == "image"]
    assert pictures
    assert all(re.fullmatch(r"plots/[a-z0-9-]+\.png", picture) for picture in pictures)
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert [link for link in links if not re.fullmatch(r"#.*|tables/[a-z-]+\.csv", link)] == []
    first = [token.tag for token in tokens if token.type == "heading_open"]
    assert first[0] == "h1"
    assert first.count("h1") == 1
    assert "\x1b" not in found
    assert "\u202e" not in found
    assert [str(warning.message) for warning in recwarn] == []
    for table in (text.params_table, text.flops_table, text.latency_table, text.energy_table):
        assert "\x1b" not in blocks(table(run))


TITLES = ["m" * 112, "$x^$", " ", "", "_hidden", "漢字" * 40, "a\nb", "x" * 5000]


@pytest.mark.parametrize("title", TITLES, ids=[repr(title[:8]) for title in TITLES])
def test_a_model_s_title_may_be_anything(title: str, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    run = synthetic.make_run(synthetic.standard_tasks(models=("lxmert", "et-human")), call_count=8, power="simulated")
    models = {name: replace(model, title=title) for name, model in synthetic.MODELS.items()}
    found = page.render(run, tmp_path, models).read_text(encoding="utf-8")
    assert "lxmert" in found  # two of the same title are told apart by their names
    assert [str(warning.message) for warning in recwarn] == []


def test_names_beside_a_picture_are_short_and_unlike() -> None:
    told = short(
        ["a" * 100 + "b", "a" * 100 + "c", "x" * 30 + "y" * 100 + "z" * 30, "x" * 30 + "z" * 100 + "z" * 30, "_a"]
    )
    assert all(len(name) <= MAX_NAME + 4 for name in told)
    assert len(set(told)) == 5
    assert told[-1] == " _a"


def test_axes_of_other_names_are_no_sweep_and_no_fault(tmp_path: Path) -> None:
    run = synthetic.make_run(synthetic.standard_tasks(models=("lxmert",)), call_count=8)
    renamed = []
    for number, record in enumerate(run.records):
        axes = (("other", 3), *record.task.axes[1:]) if number % 2 else record.task.axes
        renamed.append(replace(record, task=replace(record.task, axes=axes)))
    mixed = Run(manifest=replace(run.manifest, tasks=tuple(r.task for r in renamed)), records=tuple(renamed))
    assert page.render(mixed, tmp_path, synthetic.MODELS).is_file()


def test_axes_whose_names_give_one_file_name_keep_both_pictures(tmp_path: Path) -> None:
    run = synthetic.make_run(synthetic.standard_tasks(models=("lxmert",)), call_count=8)
    names = {"text_tokens": "a_b", "image_regions": "a-b"}

    def renamed(run: Run) -> Run:
        tasks = {
            task: replace(task, axes=tuple((names[name], size) for name, size in task.axes))
            for task in run.manifest.tasks
        }
        records = tuple(replace(record, task=tasks[record.task]) for record in run.records)
        return Run(manifest=replace(run.manifest, tasks=tuple(tasks.values())), records=records)

    page.render(renamed(run), tmp_path, synthetic.MODELS)
    assert {"latency-a-b.png", "latency-a-b-2.png"} <= {path.name for path in (tmp_path / "plots").iterdir()}
