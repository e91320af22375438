"""The verdict of a second run: what must be equal, what must agree, and which difference is told first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.compare.rerun import Judgement, Quantity, judge
from suite.compare.verify import altered_tasks, verify
from suite.records import LatencySamples, NotMeasured, Run, RunRecord, store
from tests.unit.compare.runs import PRINT, edited, stored, whole
from tests.unit.samples import FACTS, manifest


def run(records: list[RunRecord]) -> Run:
    return Run(manifest=manifest([found.task for found in records]), records=tuple(records))


def judged(then: list[RunRecord], first: list[RunRecord] | None = None, **options: Any) -> Judgement:
    return judge(run(first or whole()), run(then), **options)


def of(judgement: Judgement, quantity: str) -> list[str]:
    return [found.verdict for found in judgement.quantities if found.quantity == quantity]


def one(judgement: Judgement, quantity: str) -> Quantity:
    return next(found for found in judgement.quantities if found.quantity == quantity)


def machine(records: list[RunRecord], **facts: Any) -> list[RunRecord]:
    return [replace(found, host=replace(FACTS, **facts)) for found in records]


def around(records: list[RunRecord], **state: Any) -> list[RunRecord]:
    return [
        replace(found, before=replace(found.before, **state), after=replace(found.after, **state)) for found in records
    ]


def test_the_same_figures_are_reproduced() -> None:
    judgement = judged(whole(0.051))
    assert (judgement.verdict, judgement.same_board, judgement.left_out) == ("REPRODUCED", True, 0)
    names = ["parameters", "FLOPs", "latency", "weights", "inputs", "outputs", "memory"]
    assert [name for name in names if of(judgement, name)] == names
    assert judgement.causes == ()
    assert one(judgement, "latency").ratio == pytest.approx(1.02)


def test_threads_halved_and_slower_by_it_is_not_reproduced_and_the_threads_are_the_first_cause() -> None:
    then = machine(whole(0.085, thread_count=1), kernel="Linux 6.1")
    judgement = judged(then)
    assert judgement.verdict == "NOT REPRODUCED"
    assert of(judgement, "latency") == ["NOT REPRODUCED"] * 2
    assert of(judgement, "weights") == ["REPRODUCED"] * 2
    assert [cause.name for cause in judgement.causes] == ["threads", "kernel"]
    assert judgement.causes[0].text == "threads: 2 and 1"
    assert judgement.causes[0].explains(1.7, 0.1) is True


def test_a_pace_on_other_threads_is_no_pace_of_the_machine() -> None:
    judgement = judged(whole(0.02, thread_count=1, pace_s=1e-5), whole(0.05, pace_s=1e-4))
    assert judgement.verdict == "NOT REPRODUCED"
    assert [(cause.name, cause.accounts) for cause in judgement.causes] == [("threads", False)]


def test_another_seed_has_other_weights_and_is_named() -> None:
    judgement = judged(whole(seed=7))
    assert judgement.verdict == "NOT REPRODUCED"
    for name in ("weights", "inputs", "outputs"):
        assert of(judgement, name) == ["NOT REPRODUCED"] * 2
    assert of(judgement, "latency") == ["REPRODUCED"] * 2
    assert judgement.causes[0].text == "seed: 0 and 7"


def test_an_altered_sample_makes_its_record_incomparable_and_is_the_first_cause(tmp_path: Path) -> None:
    out = stored(tmp_path / "run", whole())

    def edit(data: dict[str, Any]) -> None:
        data["latency"]["blocks"][4]["latency_s"][2] -= 0.001

    edited(out, 3, edit)
    altered = altered_tasks(out, verify(out))
    judgement = judge(store.load(out), run(whole()), altered=altered)
    assert judgement.verdict == "INCOMPARABLE"
    assert of(judgement, "latency") == ["INCOMPARABLE", "REPRODUCED"]
    assert judgement.causes[0].name == "altered"
    assert "records.jsonl:3 latency.blocks.4" in judgement.causes[0].text


def test_a_machine_at_another_pace_is_no_deviation_of_the_model() -> None:
    judgement = judged(whole(0.0625, pace_s=1.25e-4), whole(0.05, pace_s=1e-4))
    assert judgement.verdict == "INCOMPARABLE"
    assert "at another pace (1.25 times), which accounts for it" in one(judgement, "latency").reason
    assert judgement.causes[0].text == "the machine's pace: a fixed piece of arithmetic took 25 % longer"


def test_a_pace_that_does_not_account_for_it_is_no_excuse() -> None:
    judgement = judged(whole(0.1, pace_s=1.25e-4), whole(0.05, pace_s=1e-4))
    assert judgement.verdict == "NOT REPRODUCED"
    assert judgement.causes[0].explains(2.0, 0.1) is False


def test_on_another_board_only_what_is_exact_counts_and_the_ratio_is_told() -> None:
    judgement = judged(machine(whole(0.2), cpu_model="Other CPU"))
    assert (judgement.verdict, judgement.same_board) == ("REPRODUCED", False)
    found = one(judgement, "latency")
    assert (found.verdict, found.counts) == ("INCOMPARABLE", False)
    assert found.ratio == pytest.approx(4.0)
    assert "on another board" in found.reason


def test_on_another_board_other_weights_are_not_reproduced() -> None:
    assert judged(machine(whole(seed=7), cpu_model="Other CPU")).verdict == "NOT REPRODUCED"


def test_other_counts_are_not_reproduced() -> None:
    then = whole()
    then[1] = replace(then[1], flops=replace(then[1].flops, mac_count=499))  # type: ignore[type-var]
    judgement = judged(then)
    assert one(judgement, "FLOPs").reason == "500, and 499 now"
    assert judgement.verdict == "NOT REPRODUCED"


def test_a_disturbed_run_can_not_be_told() -> None:
    then = whole()
    samples = then[2].latency
    assert isinstance(samples, LatencySamples)
    then[2] = replace(then[2], latency=replace(samples, stop="disturbed"))
    judgement = judged(then)
    assert of(judgement, "latency") == ["INCOMPARABLE", "REPRODUCED"]
    assert judgement.verdict == "INCOMPARABLE"


def test_a_quantity_that_is_not_measured_now_can_not_be_told() -> None:
    then = whole()
    absent = NotMeasured(code="OUT_OF_MEMORY", reason="there was no room", remedy="take less")
    then[2] = replace(then[2], latency=absent, memory=absent)
    found = one(judged(then), "latency")
    assert (found.verdict, found.reason) == ("INCOMPARABLE", "not measured now (OUT_OF_MEMORY: there was no room)")


def test_a_wide_interval_neither_reproduces_nor_refutes() -> None:
    noisy = whole()
    samples = noisy[2].latency
    assert isinstance(samples, LatencySamples)
    blocks = tuple(
        replace(block, latency_s=tuple(value * (0.6 if block.order_index % 2 else 1.6) for value in block.latency_s))
        for block in samples.blocks
    )
    noisy[2] = replace(noisy[2], latency=replace(samples, blocks=blocks))
    found = one(judged(noisy), "latency")
    assert found.verdict == "INCOMPARABLE"
    assert "too uncertain to tell from 10 %" in found.reason


def test_outputs_are_held_by_their_precision() -> None:
    then = whole()
    near = replace(PRINT, projection=tuple(1.0 + 1e-5 for _ in range(64)))
    assert then[2].provenance is not None
    then[2] = replace(then[2], provenance=replace(then[2].provenance, fingerprint=near))
    found = one(judged(then), "outputs")
    assert found.verdict == "REPRODUCED"
    assert found.reason == "1.4e-05 of their length apart (fp32 allows 1e-04)"
    far = replace(PRINT, projection=tuple(1.0 + 1e-3 for _ in range(64)))
    assert then[2].provenance is not None
    then[2] = replace(then[2], provenance=replace(then[2].provenance, fingerprint=far))
    assert one(judged(then), "outputs").verdict == "NOT REPRODUCED"


def test_outputs_that_are_not_finite_now_are_told() -> None:
    then = whole()
    assert then[2].provenance is not None
    broken = replace(PRINT, not_finite_count=3)
    then[2] = replace(then[2], provenance=replace(then[2].provenance, fingerprint=broken))
    found = one(judged(then), "outputs")
    assert (found.verdict, found.reason) == ("NOT REPRODUCED", "0 values that are not finite, and 3 now")


def test_an_older_run_without_fingerprints_is_judged_by_the_rest() -> None:
    first = whole()
    for number in (2, 3):
        assert first[number].provenance is not None
        first[number] = replace(first[number], provenance=replace(first[number].provenance, fingerprint=None))  # type: ignore[type-var]
    judgement = judged(whole(), first)
    assert of(judgement, "outputs") == ["INCOMPARABLE"] * 2
    assert judgement.verdict == "REPRODUCED"


def test_memory_beyond_the_margin_is_not_reproduced() -> None:
    then = whole()
    then[3] = replace(then[3], memory=replace(then[3].memory, peak_resident_bytes=500 * 2**20))  # type: ignore[type-var]
    assert of(judged(then), "memory") == ["REPRODUCED", "NOT REPRODUCED"]


def test_causes_stand_in_the_order_of_what_they_can_do() -> None:
    then = machine(around(whole(0.085, thread_count=1), power_mode="10W", temperature_c=(("cpu", 61.5),)), cpu_count=1)
    names = [cause.name for cause in judged(then, around(whole(), power_mode="MAXN")).causes]
    assert names == ["threads", "power_mode", "cpu_count", "temperature"]


@pytest.mark.parametrize(
    ("facts", "name", "text"),
    [
        ({"versions": (("torch", "2.13.0"),)}, "torch", "torch: 1.10.1 and 2.13.0"),
        ({"cpu_quota": 1.0}, "quota", "processor time allowed: not told CPUs and 1.0 CPUs"),
        ({"container_image_digest": "r@sha256:1"}, "container_image_digest", "image: not told and r@sha256:1"),
    ],
)
def test_each_difference_is_named_with_both_sides(facts: dict[str, Any], name: str, text: str) -> None:
    causes = {cause.name: cause.text for cause in judged(machine(whole(), **facts)).causes}
    assert causes[name] == text.replace("not told CPUs", "not told")


def test_nothing_in_common_is_incomparable() -> None:
    other = [replace(found, task=replace(found.task, model="vilt")) for found in whole()]
    judgement = judged(other)
    assert (judgement.verdict, judgement.same_board, judgement.left_out) == ("INCOMPARABLE", None, 4)


def test_a_subset_is_judged_and_what_is_left_out_is_counted() -> None:
    judgement = judged(whole()[:3])
    assert (judgement.verdict, judgement.left_out) == ("REPRODUCED", 1)


def test_a_governor_and_a_battery_are_told() -> None:
    then = around(whole(), governors=("powersave",), on_battery=True)
    texts = [cause.text for cause in judged(then, around(whole(), on_battery=False)).causes]
    assert texts == ["battery: on mains and on battery", "governor: performance and powersave"]


def test_more_latencies_ask_for_more_before_one_is_called_a_deviation() -> None:
    rates = [judged(whole(level)).verdict for level in (0.0545, 0.07)]
    assert rates == ["REPRODUCED", "NOT REPRODUCED"]
