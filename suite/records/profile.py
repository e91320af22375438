"""Where the time of a call goes: operators and modules, as torch's profiler tells them."""

from __future__ import annotations

from suite.records.values import NotMeasured, record, require, require_non_negative, require_positive


@record
class OperatorTime:
    """An operator's own time over all profiled calls, and its multiply-accumulates of one call.

    What an operator that multiplies calls to do so is its own too. device_self_s: on a device other than the CPU, where
    self_s is what giving it the work took. mac_count: None where nobody could count.
    """

    operator: str
    call_count: int
    self_s: float
    device_self_s: float | None = None
    mac_count: int | None = None

    def __post_init__(self) -> None:
        require_non_negative("self_s", self.self_s)
        require_non_negative("device_self_s", self.device_self_s or 0.0)
        require(self.call_count >= 1, "an operator that is told was called")

    @property
    def spent_s(self) -> float:
        """On the device, where there is one."""
        return self.self_s if self.device_self_s is None else self.device_self_s


@record
class ModuleTime:
    """As an operator's, of a module by its path: `self` and mac_count are its own, less those of modules within it."""

    path: str
    kind: str
    call_count: int
    self_s: float
    total_s: float
    device_self_s: float | None = None
    device_total_s: float | None = None
    mac_count: int | None = None

    def __post_init__(self) -> None:
        for name in ("self_s", "total_s", "device_self_s", "device_total_s"):
            require_non_negative(name, getattr(self, name) or 0.0)

    @property
    def spent_s(self) -> float:
        return self.self_s if self.device_self_s is None else self.device_self_s

    @property
    def whole_s(self) -> float:
        """With the modules within it."""
        return self.total_s if self.device_total_s is None else self.device_total_s


@record
class Profile:
    """Calls under the profiler, which slows them down: latency_s beside the calls without it, in the same record.

    operators, modules: those with the most time of their own first. modules: none where a runtime made something else
    of the model. uncounted: why there are no counts of multiply-accumulates.
    """

    latency_s: tuple[float, ...]
    operators: tuple[OperatorTime, ...]
    modules: tuple[ModuleTime, ...] = ()
    uncounted: NotMeasured | None = None

    def __post_init__(self) -> None:
        require_positive("latency_s", *self.latency_s)
        require(len(self.latency_s) > 0, "a profile holds at least one call")

    @property
    def call_count(self) -> int:
        return len(self.latency_s)

    @property
    def call_s(self) -> float:
        """Of a profiled call, in the mean: what shares are of."""
        return sum(self.latency_s) / len(self.latency_s)
