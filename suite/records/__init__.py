"""The frozen types of the line, and a run on disk. Everyone imports the types from here, `store` by name.

values     the decorator and the checks; NotMeasured and Flag
asked      Task: what is to be measured         machine    HostFacts, HostState
measured   counts, calls, memory                energy     traces, windows, joules
run        RunRecord, Manifest, Run             derived    Interval, Summary
quiet      QuietRule, Interference              heat       HeatRule, Cooling
fingerprint Fingerprint, Top
sustained  SustainedRule, Sustained            roofline   what the device can do
hypothesis Hypothesis                         profile    where the time of a call goes
accuracy   EvaluationRule, Accuracy            variant    Variant, Build, Fidelity
brought    BroughtModel                        device     DeviceTimes, GpuState
schema     to JSON and back                     folder     files without links
store      a run on disk                        (these three by their own names)

Quantities are SI with the unit in the name; counts end in `_count`. Nonsense is refused on entry, so code behind a
constructor needs no checks. A quantity that was asked for and not measured is a `NotMeasured`; one that was not asked
for is None. `docs/record.schema.json` publishes the types as JSON Schema; a change of shape raises SCHEMA_VERSION.
"""

from suite.records.accuracy import Accuracy, EvaluatedBatch, EvaluationRule, RealCalls, RealEnergy
from suite.records.asked import (
    MACHINE,
    PRECISIONS,
    TESTS,
    TIMED,
    EnergyRule,
    Precision,
    Repetition,
    Task,
    Test,
)
from suite.records.brought import BroughtAxis, BroughtModel
from suite.records.derived import AllCalls, Interval, Summary
from suite.records.device import DeviceBlock, DeviceTimes, GpuState
from suite.records.energy import (
    CallWindow,
    EnergyReading,
    EnergyWindow,
    ErrorBudget,
    Part,
    PowerTrace,
    Schedule,
    Stretch,
    disjoint,
)
from suite.records.fingerprint import Fingerprint, Top
from suite.records.heat import Cooling, HeatRule, Pause
from suite.records.hypothesis import Hypothesis
from suite.records.machine import HostFacts, HostState
from suite.records.measured import (
    Block,
    ColdStart,
    FlopCount,
    InputsSource,
    LatencySamples,
    MemoryUse,
    OperatorCost,
    ParameterCount,
    Provenance,
    SharedGroup,
    StopReason,
    WeightsPrecision,
)
from suite.records.profile import ModuleTime, OperatorTime, Profile
from suite.records.quiet import Interference, QuietRule
from suite.records.roofline import Ceiling, Matmul, Roofline
from suite.records.run import SCHEMA_VERSION, Damage, Manifest, Run, RunRecord
from suite.records.sustained import Slice, Sustained, SustainedRule
from suite.records.values import Flag, NotMeasured, record, require, require_non_negative, require_positive
from suite.records.variant import TOLERANCES, Build, Fidelity, OutputFidelity, Variant

__all__ = [
    "MACHINE",
    "PRECISIONS",
    "SCHEMA_VERSION",
    "TESTS",
    "TIMED",
    "TOLERANCES",
    "Accuracy",
    "AllCalls",
    "Block",
    "BroughtAxis",
    "BroughtModel",
    "Build",
    "CallWindow",
    "Ceiling",
    "ColdStart",
    "Cooling",
    "Damage",
    "DeviceBlock",
    "DeviceTimes",
    "EnergyReading",
    "EnergyRule",
    "EnergyWindow",
    "ErrorBudget",
    "EvaluatedBatch",
    "EvaluationRule",
    "Fidelity",
    "Fingerprint",
    "Flag",
    "FlopCount",
    "GpuState",
    "HeatRule",
    "HostFacts",
    "HostState",
    "Hypothesis",
    "InputsSource",
    "Interference",
    "Interval",
    "LatencySamples",
    "Manifest",
    "Matmul",
    "MemoryUse",
    "ModuleTime",
    "NotMeasured",
    "OperatorCost",
    "OperatorTime",
    "OutputFidelity",
    "ParameterCount",
    "Part",
    "Pause",
    "PowerTrace",
    "Precision",
    "Profile",
    "Provenance",
    "QuietRule",
    "RealCalls",
    "RealEnergy",
    "Repetition",
    "Roofline",
    "Run",
    "RunRecord",
    "Schedule",
    "SharedGroup",
    "Slice",
    "StopReason",
    "Stretch",
    "Summary",
    "Sustained",
    "SustainedRule",
    "Task",
    "Test",
    "Top",
    "Variant",
    "WeightsPrecision",
    "disjoint",
    "record",
    "require",
    "require_non_negative",
    "require_positive",
]
