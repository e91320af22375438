"""The operations that need no model in memory: what there is, counts of shapes, builds, conversions."""

from typing import Any, Dict

from suite.worker import devices, memory, packages, timing
from suite.worker.imports import Imports
from suite.worker.loop import Operation
from suite.worker.outcome import WorkerFault
from suite.worker.protocol import PROTOCOL_VERSION


class Unloaded:
    """They leave nothing behind but imports."""

    def __init__(self, process_started_s: float, clock: timing.Clock, imports: Imports) -> None:
        self._process_started_s = process_started_s
        self._clock = clock
        self._imports = imports

    def by_name(self) -> Dict[str, Operation]:
        return {
            "hello": self.hello,
            "declare": self.declare,
            "introduce": self.introduce,
            "import": self.import_model,
            "count_parameters": self.count_parameters,
            "count_flops": self.count_flops,
            "runtimes": self.runtimes,
            "build": self.build,
            "convert": self.convert,
        }

    def hello(self) -> Dict[str, Any]:
        try:
            found = devices.available_devices(self._imports.module("torch"))
        except ImportError:
            found = []
        return {
            "protocol": PROTOCOL_VERSION,
            "process_started_s": self._process_started_s,
            "versions": packages.versions(),
            "devices": found,
            "clock": timing.clock_name(),
        }

    def declare(self, origin: str) -> Dict[str, Any]:
        """Runs code of others, which may leave this process in any state: nothing is measured in it afterwards."""
        from suite.worker import declarations

        return {"protocol": PROTOCOL_VERSION, **declarations.declared(origin)}

    def introduce(self, model: str, origin: str) -> Dict[str, Any]:
        """Says where a model lies, so that no other file is looked into to find it."""
        self._imports.origins[model] = origin
        return {}

    def import_model(self, model: str) -> Dict[str, Any]:
        plugin = self._imports.model(model)
        for name in plugin.packages + plugin.modules:
            self._imports.module(name)
        return {"import_s": self._imports.spent_s, "resident_bytes": memory.process_memory().resident_bytes}

    def count_parameters(self, model: str, options: Dict[str, Any]) -> Dict[str, Any]:
        from suite.worker import build, complexity

        plugin = self._imports.model(model)
        module = build.build_for_shapes(plugin, options)
        return dict(complexity.count_parameters(module), configuration=plugin.configuration(module))

    def count_flops(
        self, model: str, options: Dict[str, Any], scenario: str, batch_size: int, axes: Dict[str, int]
    ) -> Dict[str, Any]:
        from suite.worker import complexity

        return complexity.count_flops(self._imports.model(model), options, scenario, batch_size, axes)

    def runtimes(self) -> Dict[str, Any]:
        """Which can work here, in which precisions, and why others can't."""
        from suite.worker import runtime_survey

        return {"runtimes": runtime_survey.answer(self._imports.module("torch"))}

    def build(self, model: str, options: Dict[str, Any], way: Dict[str, Any], **wanted: Any) -> Dict[str, Any]:
        """A runtime's files. This process is given up afterwards: building leaves more behind than running needs."""
        from suite.worker import building, loading

        started = loading.begin(self._imports, way, model)
        filled = loading.filled(started, options, self._clock)
        return building.answer(self._clock, started, filled, dict(way, device=started.device), **wanted)

    def convert(self, model: str, source: str, target: str) -> Dict[str, Any]:
        """The one operation that writes a file: published weights as safetensors."""
        from suite.worker import convert

        plugin = self._imports.model(model)
        if not plugin.takes_pinned:
            raise WorkerFault("BAD_REQUEST", "{} takes no published weights".format(model), "Leave the model out")
        return convert.convert(plugin, source, target)
