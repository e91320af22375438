"""stub"""

from __future__ import annotations

from suite.records import record


@record
class Busy:
    name: str
    process_id: int
    share: float


class Busiest:
    def look(self) -> None: ...
    def since(self) -> Busy | None: ...
