"""What the machine is and does, and what follows. Others import `facts`, `state`, `standing`, `flags`."""

from suite.host.flags import flags, standing
from suite.host.probing import facts, state
from suite.host.software import lock_sha256

__all__ = ["facts", "flags", "lock_sha256", "standing", "state"]
