"""Energy of an evaluation's own inputs in the report: each joule of the difference is parted, and adds up."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from suite.records import Accuracy, Flag, NotMeasured, RealEnergy, Run
from suite.report import accuracies, real_energies, rows, tradeoffs
from suite.report.plots import Plots
from suite.report.sections import accuracy as section
from suite.report.sections import tradeoff
from suite.report.view import RunView
from suite.report.writers import markdown
from tests.unit.report import evaluated, synthetic
from tests.unit.report.evaluated import LENGTHS, MEAN_LENGTH, energies, reading

NONE = NotMeasured(code="NO_POWER_SOURCE", reason="there is no sensor", remedy="connect one")
SYNTHETIC_J = 7.0 * 0.128  # of LXMERT at 20 tokens and 36 regions


def view_of(run: Run) -> RunView:
    return RunView(run, synthetic.MODELS)


def shown(run: Run) -> str:
    return squeezed(markdown.blocks(section.PLUGIN.render(view_of(run), Plots())))


def squeezed(text: str) -> str:
    """Without the blanks that align a table."""
    return re.sub(" +", " ", text)


def metered(input_s: float = 0.16, error_j: float = 0.0, *, upper: bool = False) -> tuple[RealEnergy, ...]:
    return energies(reading(input_s, error_j=error_j), reading(0.09), is_upper_bound=upper)


def test_joules_of_an_input_are_a_passes_over_its_inputs() -> None:
    alone, batched = metered()
    one, many = real_energies.per_example(alone), real_energies.per_example(batched)
    assert not isinstance(one, NotMeasured)
    assert not isinstance(many, NotMeasured)
    assert (one.gross_j, one.net_j, one.inference_count) == pytest.approx((8 * 0.16, 6 * 0.16, 160))
    assert many.gross_j == pytest.approx(8 * 0.09)
    found = evaluated.accuracy(metered=(alone, batched))
    assert real_energies.padding_share(found, alone) == 0.0
    longest = [max(LENGTHS[start : start + 8]) for start in range(0, 40, 8)]
    assert real_energies.padding_share(found, batched) == pytest.approx(1 - sum(LENGTHS) / (8 * sum(longest)))


def test_the_difference_is_parted_and_the_parts_add_up() -> None:
    """2 ms for each token at the synthetic input's 7 W; 8 W beside 7 W for 160 ms; the rest of the time at 7 W."""
    run = evaluated.run_of(evaluated.accuracy(metered=metered()))
    view = view_of(run)
    (each,) = accuracies.answered(view)
    assert isinstance(each.found, Accuracy)
    beside = real_energies.synthetic(view, each)
    assert isinstance(beside, real_energies.Usual)
    assert (beside.figure.gross_j, beside.size) == (pytest.approx(SYNTHETIC_J), 20)
    parts = real_energies.parted(each.found, each.found.energies[0], beside)
    assert parts is not None
    assert parts.length_j == pytest.approx(7 * 0.002 * (MEAN_LENGTH - 20))
    assert parts.power_j == pytest.approx(0.160)
    assert parts.rest_j == pytest.approx(7 * (0.160 - 0.128 - 0.002 * (MEAN_LENGTH - 20)))
    assert parts.length_j + parts.rest_j + parts.power_j == pytest.approx(parts.difference_j)
    assert parts.difference_j == pytest.approx(8 * 0.16 - SYNTHETIC_J)


def test_the_section_tells_joules_beside_the_synthetic_ones_and_why() -> None:
    text = shown(evaluated.run_of(evaluated.accuracy(metered=metered())))
    assert "The same inputs, metered" in text
    assert "| LXMERT | digits-vqa | one by one | 1280 ± 0 | 960.0 ± 0 | 8.00 | 896 ± 11 | 0.0 | 40 |" in text
    assert "| LXMERT | digits-vqa | in batches of 8 | 720.0 ± 0 | 540.0 ± 0 | 8.00 | 896 ± 11 | 15.9 | 40 |" in text
    assert (
        "one by one, an input draws 42.9% above the synthetic one: 70.7 mJ by its length (25.1 beside 20), 153 mJ by"
        in text
    )
    assert "160 mJ by another power while it runs." in text
    assert "in batches of 8 an input takes 0.56 ± 0.00 times the joules of one alone" in text
    assert "latencies and energies are of 1 and of that" in text


def test_a_difference_within_the_errors_is_explained_by_nothing() -> None:
    text = shown(evaluated.run_of(evaluated.accuracy(metered=metered(input_s=0.1125, error_j=10.0))))
    assert "an input draws what the synthetic one does, as far as can be told" in text
    assert "by its length (" not in text.partition("metered")[2]


def test_without_a_source_the_reason_stands_in_the_table() -> None:
    text = shown(evaluated.run_of(evaluated.accuracy(metered=energies(NONE, NONE))))
    assert "NO_POWER_SOURCE" in text.partition("The same inputs, metered")[2]


def test_where_nobody_asked_there_is_no_table() -> None:
    text = shown(evaluated.run_of(evaluated.accuracy()))
    assert "metered" not in text
    assert "latencies are of 1 and of that" in text


def test_an_upper_bound_is_marked_and_no_difference_to_it_is_explained() -> None:
    text = shown(evaluated.run_of(evaluated.accuracy(metered=metered(upper=True))))
    assert "| one by one | ≤ 1280 ± 0 | ≤ 960.0 ± 0 |" in text
    assert "other work disturbed windows, so no difference of energies is explained" in text
    assert "by another power" not in text


def test_a_synthetic_input_whose_windows_were_disturbed_explains_nothing_either() -> None:
    run = evaluated.run_of(evaluated.accuracy(metered=metered()))
    flag = Flag(code="WINDOWS_DISTURBED", text="x")
    records = tuple(replace(each, flags=(flag,)) if each.task.test == "energy" else each for each in run.records)
    text = shown(replace(run, records=records))
    assert "| 8.00 | ≤ 896 ± 11 |" in text
    assert "other work disturbed windows" in text


def test_the_accuracy_section_by_value() -> None:
    """36 of 40 right; alone 100 ms and 2 ms a token, in batches 100 ms and 80 ms an input."""
    text = shown(evaluated.run_of(evaluated.accuracy()))
    assert "| LXMERT | digits-VQA | accuracy | 90.00 | 69.90–97.21 | 6.88 | 40 | 20 |" in text
    assert "| LXMERT | digits-vqa | 20 to 30 | 150.0 | 150.1 ± 6.5 | 127.7 | 8 | 92.50 | 15.9 |" in text
    assert "20 to 30 text tokens, 25.1 on average" in text
    assert "The median is 17.4% above the synthetic input's: 10.1 ms by its length (25.1 beside 20)" in text
    assert "each more takes 2.00 ms" in text
    assert "a batch makes 1.62 times as many inputs a second" in text
    assert "digits-VQA, 40 items of 40 inputs; latencies over 40 calls alone" in text


def test_an_evaluation_that_failed_stands_with_its_reason() -> None:
    failed = NotMeasured(code="EVALUATION_DATA", reason="it is no JSON", remedy="give it whole")
    text = shown(evaluated.run_of(failed))
    assert "EVALUATION_DATA" in text
    assert "The same inputs" not in text


# The trade-off


def traded(run: Run) -> tradeoffs.Tradeoff:
    (found,) = tradeoffs.tradeoffs([("run", run)])
    return found


def told(run: Run) -> str:
    return squeezed(markdown.blocks(tradeoff.PLUGIN.render(view_of(run), Plots())))


def test_the_trade_off_takes_the_energy_of_real_inputs_where_all_have_it() -> None:
    run = evaluated.run_of(
        evaluated.accuracy(metered=metered(error_j=2.0)), evaluated.accuracy(wrong=20, metered=metered(0.2))
    )
    found = traded(run)
    assert (found.real, found.real_energy) == (True, True)
    first, second = (each.figures["energy"] for each in found.candidates)
    assert (first.value, second.value) == pytest.approx((1.28, 1.6))
    assert (first.low, first.high) == pytest.approx((1.28 - 2 / 80, 1.28 + 2 / 80))
    text = told(run)
    assert "Scores are of digits-vqa, latencies and energies of its own inputs, one by one." in text
    row = "| LXMERT | 90.00 % (69.90–97.21) | 150 ms (146.0–154.0 ms) | 1.28 J (1.255–1.305 J) | 1.14 GiB | 816 MiB |"
    assert f"{row} on the front |" in text


def test_where_one_has_none_all_are_compared_by_the_synthetic_input() -> None:
    run = evaluated.run_of(
        evaluated.accuracy(metered=metered()), evaluated.accuracy(metered=energies(NONE, reading(0.1)))
    )
    found = traded(run)
    assert (found.real, found.real_energy) == (True, False)
    assert found.candidates[0].figures["energy"].value == pytest.approx(SYNTHETIC_J)
    assert "latencies of its own inputs, one by one, energies of synthetic inputs at batch 1." in told(run)


def test_an_upper_bound_of_energy_reaches_down_to_nothing() -> None:
    found = traded(evaluated.run_of(evaluated.accuracy(metered=metered(upper=True))))
    assert found.candidates[0].figures["energy"].low == 0.0


def test_one_that_is_worse_in_everything_is_dominated_by_name() -> None:
    """LXMERT is the larger one, too."""
    run = evaluated.run_of(
        evaluated.accuracy(wrong=40, metered=metered(0.2), slower=2.0), evaluated.accuracy(wrong=0, metered=metered())
    )
    text = told(run)
    assert "| dominated by VisualBERT |" in text
    assert "LXMERT: VisualBERT is no worse in anything and better in something." in text
    assert "| VisualBERT | 100.00 % (83.89–100.00) | 150 ms (146.0–154.0 ms) | 1.28 J |" in text


def test_what_is_not_known_of_every_one_is_left_out() -> None:
    run = evaluated.run_of(evaluated.accuracy(), evaluated.accuracy())
    kept = tuple(each for each in run.records if (each.task.model, each.task.test) != ("lxmert", "energy"))
    assert "Not known of every one, and so left out of the comparison: energy." in told(replace(run, records=kept))


def test_rows_hold_joules_of_both_ways() -> None:
    run = evaluated.run_of(evaluated.accuracy(metered=metered()))
    row = rows.rows(run)[-1]
    assert row["alone_energy_gross_j"] == pytest.approx(1.28)
    assert row["alone_energy_net_j"] == pytest.approx(0.96)
    assert row["padded_energy_gross_j"] == pytest.approx(0.72)
    assert (row["alone_energy_gross_error_j"], row["alone_energy_net_error_j"]) == (0.0, 0.0)
