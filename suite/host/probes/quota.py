"""The processor time that a control group allows: of a container, a service, a batch job."""

from __future__ import annotations

from suite.host import quota
from suite.host.system import Facts, Probe, State, System


class CpuQuota(Probe):
    name = "cpu-quota"

    def facts(self, system: System) -> Facts:
        return {"cpu_quota": quota.read(system).cpus}

    def state(self, system: System) -> State:
        return {"quota_throttle_count": quota.read(system).throttled_count}


PLUGIN = CpuQuota()
