"""The machine: what it is (`facts`), how it is right now (`state`), and doubts that follow from it (`flags`)."""

from suite.host.flags import flags
from suite.host.probing import facts, state
from suite.host.software import lock_sha256

__all__ = ["facts", "flags", "lock_sha256", "state"]
