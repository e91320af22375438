import sys

import torch

from suite.worker.build import build
from suite.worker.model import Model

SOURCE = """
import torch

at_import = torch.ones(2)
"""


class Late(Model):
    """Has a module that was not imported yet, and makes a tensor when it is."""

    name, modules = "late", ("suite_test_late",)

    def build(self, options):
        return torch.nn.Linear(4, 4)


def test_a_models_modules_are_imported_before_the_meta_device_holds(tmp_path, monkeypatch):
    (tmp_path / "suite_test_late.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        module = build(Late(), {}, "meta")
        assert sys.modules["suite_test_late"].at_import.device.type == "cpu"
        assert module.weight.device.type == ("meta" if hasattr(torch.device, "__enter__") else "cpu")
    finally:
        sys.modules.pop("suite_test_late", None)
