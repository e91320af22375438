"""`auto` is the best device that the worker's torch has, asked for only where a plan needs it."""

from __future__ import annotations

import pytest

from suite.errors import PlanError
from suite.plan.devices import best, chosen, nobody_asked


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ((), "cpu"),
        (("cpu",), "cpu"),
        (("cpu", "mps"), "mps"),
        (("cpu", "cuda:0", "cuda:1"), "cuda"),
        (("cpu", "mps", "cuda:0"), "cuda"),
    ],
)
def test_the_best_is_cuda_then_mps_then_the_cpu(there: tuple[str, ...], name: str) -> None:
    assert best(there) == name


def test_several_devices_that_are_one_here_are_one() -> None:
    assert chosen(["auto", "cpu"], lambda: ("cpu",)) == ("cpu",)
    assert chosen(["auto", "cpu"], lambda: ("cpu", "cuda:0")) == ("cuda", "cpu")
    assert chosen(["cpu", "auto", "cuda"], lambda: ("cpu", "cuda:0")) == ("cpu", "cuda")


def test_where_nobody_can_be_asked_auto_is_no_device() -> None:
    with pytest.raises(PlanError, match="device auto: no worker was asked"):
        chosen(["auto"], nobody_asked)
    assert chosen(["cpu"], nobody_asked) == ("cpu",)


def test_no_worker_is_asked_where_no_plan_says_auto() -> None:
    def never() -> tuple[str, ...]:
        raise AssertionError("asked")

    assert chosen(["cpu", "cuda:1"], never) == ("cpu", "cuda:1")
