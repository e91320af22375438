"""What a plan may say: keys, types and ranges, and one line of text for each way to get them wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from suite.errors import PlanError
from suite.limits import (
    MAX_CALL_COUNT,
    MAX_DURATION_S,
    MAX_EVALUATION_COUNT,
    MAX_HYPOTHESIS_COUNT,
    MAX_HYPOTHESIS_TEXT_LENGTH,
    MAX_INPUT_SIZE,
    MAX_SIZE_COUNT,
    MAX_WINDOW_COUNT,
)
from suite.outside import NAME_RULE, brief, is_name, one_line
from suite.plan.devices import AUTO, There, chosen
from suite.records import EvaluationRule, HeatRule, Hypothesis, Precision, QuietRule, Repetition, SustainedRule
from suite.records.hypothesis import Quantity, Shape
from suite.registry import unknown

Size = Annotated[int, Field(ge=1, le=MAX_INPUT_SIZE)]
Sizes = Annotated[list[Size], Field(min_length=1, max_length=MAX_SIZE_COUNT)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]
Duration = Annotated[float, Field(gt=0, le=MAX_DURATION_S)]
NONE = "none"  # TOML has no null: a target of "none" is a fixed count, quiet or heat = "none" switches that rule off


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Scenario(_Table):
    """How a model is called other than by one forward pass, at which input sizes, and how often."""

    axes: dict[str, Size] = {}
    repetition: Repetition


class Energy(_Table):
    """At which batch sizes energy is measured at the default input, at which other inputs at batch 1, and for how long
    (records.EnergyRule)."""

    batch_size: Sizes = [1]
    axes: dict[str, Sizes] = {}
    window_count: Annotated[int, Field(ge=1, le=MAX_WINDOW_COUNT)] = 3
    window_s: Duration | None = None
    idle_s: Duration = 30.0


class Supposed(_Table):
    """A hypothesis of the user's own (records.Hypothesis)."""

    quantity: Quantity
    against: str
    shape: Shape
    exponent: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    models: list[str] = []
    text: Annotated[str, Field(max_length=MAX_HYPOTHESIS_TEXT_LENGTH)] = ""

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        self.as_record()
        return self

    def as_record(self) -> Hypothesis:
        """Raises ValueError."""
        return Hypothesis(
            quantity=self.quantity,
            against=self.against,
            shape=self.shape,
            exponent=None if self.exponent is None else (self.exponent[0], self.exponent[1]),
            models=tuple(dict.fromkeys(self.models)),
            text=one_line(self.text),
        )


class Sustained(_Table):
    """At which batch sizes calls run back to back for minutes, at the default input, and for how long
    (records.SustainedRule)."""

    batch_size: Sizes = [1]
    duration_s: Duration = SustainedRule().duration_s
    slice_s: Duration = SustainedRule().slice_s

    @model_validator(mode="after")
    def _as_a_rule(self) -> Sustained:
        self.rule()
        return self

    def rule(self) -> SustainedRule:
        """Raises ValueError."""
        return SustainedRule(duration_s=self.duration_s, slice_s=self.slice_s)


class Evaluated(_Table):
    """Questions whose right answers are known, by the name of their plug-in (records.EvaluationRule).

    runtimes, precisions: the variants that answer them, in the place of the plan's own.
    """

    name: str
    data: str | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_CALL_COUNT)] | None = None
    batch_size: Size = EvaluationRule(name="any").batch_size
    alone_count: Annotated[int, Field(ge=0, le=MAX_CALL_COUNT)] = EvaluationRule(name="any").alone_count
    runtimes: list[str] = []
    precisions: list[Precision] = []


def _a_name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"{brief(text)} is no name: {NAME_RULE}")
    return text


class PlanSpec(_Table):
    """A plan file, key by key."""

    name: Annotated[str, AfterValidator(_a_name)]
    description: str
    models: Annotated[list[str], Field(min_length=1)]
    tests: Annotated[list[str], Field(min_length=1)]
    batch_size: Sizes = [1]
    axes: dict[str, Sizes] = {}
    scenarios: dict[str, Scenario] = {}
    repetition: Repetition = Repetition()
    energy: Energy = Energy()
    sustained: Sustained = Sustained()
    quiet: QuietRule | None = QuietRule()
    hypotheses: Annotated[list[Supposed], Field(max_length=MAX_HYPOTHESIS_COUNT)] = []
    evaluations: Annotated[list[Evaluated], Field(max_length=MAX_EVALUATION_COUNT)] = []
    heat: HeatRule | None = HeatRule()
    threads: Size | Literal["all"] = "all"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    device: Device | None = None  # one, where `devices` would list it
    devices: Annotated[list[Device], Field(min_length=1)] | None = None
    runtimes: Annotated[list[str], Field(min_length=1)] = ["eager"]
    precisions: Annotated[list[Precision], Field(min_length=1)] = ["fp32"]
    weights: Literal["seeded", "pinned"] = "seeded"
    checkpoint: str | None = None
    trajectory: str | None = None
    time_budget_s: Duration | None = None

    def on(self, there: There) -> tuple[str, ...]:
        """The devices that its tests run on. there: see plan.devices; not asked by a plan that only counts."""
        if set(self.tests) <= {"params", "flops"}:
            return ("cpu",)
        return chosen(self.devices or [self.device or AUTO], there)

    @property
    def variants(self) -> tuple[tuple[str, Precision], ...]:
        """Runtime and precision of each way that every model is run in; the first is what others are held against."""
        return tuple(dict.fromkeys((runtime, name) for runtime in self.runtimes for name in self.precisions))

    def variants_of(
        self, runtimes: Sequence[str], precisions: Sequence[str], said: Mapping[str, Any]
    ) -> tuple[tuple[str, Precision], ...]:
        """The variants of a model that has runtimes or precisions of its own: its usual ones, where neither the plan
        nor an option says another. said: the plan as it was written."""
        own = {}
        if runtimes and "runtimes" not in said:
            own["runtimes"] = list(runtimes[:1])
        if precisions and "precisions" not in said:
            own["precisions"] = list(precisions[:1])
        return self.model_copy(update=own).variants


_TABLES: Mapping[str, Sequence[str]] = {
    "repetition": tuple(TypeAdapter(Repetition).json_schema()["properties"]),
    "energy": tuple(Energy.model_fields),
    "quiet": tuple(TypeAdapter(QuietRule).json_schema()["properties"]),
    "hypotheses": tuple(Supposed.model_fields),
    "heat": tuple(TypeAdapter(HeatRule).json_schema()["properties"]),
    "sustained": tuple(Sustained.model_fields),
    "evaluations": tuple(Evaluated.model_fields),
    "scenarios": tuple(Scenario.model_fields),
    "": tuple(PlanSpec.model_fields),
}


def parse(raw: Mapping[str, Any], origins: Mapping[str, str], file: str) -> PlanSpec:
    """The plan that `raw` (as TOML gives it) describes.

    origins: for a top-level key that an option has set, how to name it in an error ("--batch-size").
    Raises PlanError: one line that names the file (or option), the key, and what is allowed.
    """
    try:
        return PlanSpec.model_validate(_with_inherited_repetition(_with_named_evaluations(_without_rules(raw))))
    except ValidationError as invalid:
        raise PlanError(one_line(_told(invalid.errors(include_url=False)[0], origins, file))) from invalid


def _without_rules(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rules that the plan says "none" of are None."""
    return {**raw, **{key: None for key in ("quiet", "heat") if raw.get(key) == NONE}}


def _with_named_evaluations(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A name alone is an evaluation with everything else at its default."""
    stated = raw.get("evaluations")
    if not isinstance(stated, list):
        return raw
    return {**raw, "evaluations": [{"name": each} if isinstance(each, str) else each for each in stated]}


def _with_inherited_repetition(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Each scenario repeats as the plan does, except in what it says itself."""
    filled = dict(raw)
    base = raw.get("repetition", {})
    if isinstance(base, dict):
        filled["repetition"] = _without_target(base)
    scenarios = raw.get("scenarios")
    if not isinstance(scenarios, dict) or not isinstance(base, dict):
        return filled
    filled["scenarios"] = {name: _inheriting(scenario, base) for name, scenario in scenarios.items()}
    return filled


def _inheriting(scenario: Any, base: dict[str, Any]) -> Any:
    own = scenario.get("repetition", {}) if isinstance(scenario, dict) else None
    if not isinstance(own, dict):
        return scenario
    return {**scenario, "repetition": _without_target({**base, **own})}


def _without_target(repetition: dict[str, Any]) -> dict[str, Any]:
    if repetition.get("target_relative_halfwidth") == NONE:
        return {**repetition, "target_relative_halfwidth": None}
    return repetition


def place(origins: Mapping[str, str], file: str, key: str) -> str:
    """Where a mistake stands: the option, or the file and the key."""
    return origins.get(re.split(r"[.\[]", key)[0]) or f"{file}: {key}"


def _told(error: ErrorDetails, origins: Mapping[str, str], file: str) -> str:
    location = tuple(error["loc"])
    key = _dotted(location)
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        table = _dotted(location[:-1])
        where = f"{file}: {table}" if table else file
        return f"{where}: {unknown('key', str(location[-1]), _TABLES[_table_name(location)])}"
    if location[0] == "threads":  # of a union's alternatives pydantic names the one that it tried
        key = "threads"
    return f"{place(origins, file, key)}{_wrong(error, key)}"


def _wrong(error: ErrorDetails, key: str) -> str:
    """What is wrong at a key, and what is allowed there."""
    if error["type"] == "missing":
        return " is missing; every plan has it"
    if error["type"] == "too_short":
        return ": must name at least one"
    if error["type"] == "too_long":
        return f": must name at most {error['ctx']['max_length']}, got {error['ctx']['actual_length']}"
    if error["type"] == "value_error":  # raised by the record itself: it names the field and the value
        return f": {error['ctx']['error']}"
    device = "must be auto, cpu, mps, cuda or cuda:<number>"
    allowed = {
        "threads": "must be 'all' or a number from 1 up",
        "device": device,
        "devices": device,
        "hypotheses": "must be a list of tables, each under [[hypotheses]]",
        "evaluations": "must be a list of names, or of tables, each under [[evaluations]]",
    }
    what = allowed.get(key.partition("[")[0] if key.startswith("devices") else key)
    return f": {what or _lower_first(error['msg'])}, got {brief(error['input'])}"


def _table_name(location: tuple[int | str, ...]) -> str:
    tables = [str(part) for part in location[:-1] if part in _TABLES]
    return tables[-1] if tables else ""


def _dotted(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
