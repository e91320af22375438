"""The machine's pace, where no clock is told: the fastest of a few fixed products, read outside the block."""

import pytest

from suite.worker import interference, pace

torch = pytest.importorskip("torch")


class Steps:
    """A clock that goes on by the next of these at every second reading."""

    def __init__(self, *steps_s):
        self.now_s, self.steps_s, self.reading_count = 0.0, list(steps_s), 0

    def __call__(self):
        self.reading_count += 1
        if self.reading_count % 2 == 0:
            self.now_s += self.steps_s.pop(0)
        return self.now_s


class Told:
    def __init__(self, clock_hz):
        self.clock_hz = clock_hz

    def read(self):
        return {"clock_hz": self.clock_hz}


def test_the_fastest_of_four_products_counts():
    assert pace.Pace(torch, Steps(4.0, 2.0, 1.0, 3.0)).read() == 1.0


def test_the_product_is_the_same_every_time():
    made = pace.Pace(torch, Steps(*[1.0] * 8))
    made.read()
    first = made._product.clone()
    made.read()
    assert torch.equal(made._product, first)
    assert float(first[0, 0]) == pytest.approx(1.0 / pace.SIZE, rel=1e-4)


@pytest.mark.parametrize(
    ("clock_hz", "device", "is_read"), [(None, "cpu", True), (2e9, "cpu", False), (None, "cuda:0", False)]
)
def test_it_is_read_where_calls_run_on_a_processor_that_tells_no_clock(clock_hz, device, is_read):
    meter = interference.Meter(lambda: 0.0, Told(clock_hz))
    meter.watch_pace(torch, device)
    found = meter.since(meter.before())
    assert (found["pace_s"] is not None) == is_read


def test_the_slower_edge_counts_and_an_unknown_one_is_unknown():
    def reading(pace_s):
        return interference.Counters(time_s=0.0, pace_s=pace_s)

    assert interference.between(reading(1.0), reading(2.0))["pace_s"] == 2.0
    assert interference.between(reading(3.0), reading(2.0))["pace_s"] == 3.0
    assert interference.between(reading(None), reading(2.0))["pace_s"] is None


def test_a_pace_that_fails_costs_itself_alone():
    class Broken:
        def read(self):
            raise RuntimeError("no threads")

    meter = interference.Meter(lambda: 0.0, Told(None))
    meter._pace = Broken()
    assert meter.since(meter.before())["pace_s"] is None
