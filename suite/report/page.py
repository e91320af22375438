"""report.md: a title, the summary of all models, then every section plug-in that has something to say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from suite.records import Run
from suite.report.view import Declaration


def render(run: Run, out: Path, declarations: Mapping[str, Declaration] | None = None) -> Path:
    """Writes out/report.md and out/plots/*.png and returns the path of report.md.

    The same run gives the same bytes. `declarations` are the models' titles and reasons, by name; by default those of
    the plug-ins installed here. Raises StoreError where `out` cannot be written.
    """
    raise NotImplementedError
