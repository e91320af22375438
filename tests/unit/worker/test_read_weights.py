"""The roofline takes it that a call reads every weight but tables of embeddings: shown for the suite's own models."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch.utils._python_dispatch")

TorchDispatchMode = pytest.importorskip("torch.utils._python_dispatch").__dict__.get("TorchDispatchMode")
if TorchDispatchMode is None:
    pytest.skip("this torch can't watch its operators", allow_module_level=True)
from torch.utils._pytree import tree_flatten  # noqa: E402

from suite.worker import build, complexity, plugins  # noqa: E402

OPTIONS = {"checkpoint": None, "pinned": None}


class Met(TorchDispatchMode):
    """The tensors that operators were given."""

    def __init__(self):
        super().__init__()
        self.ids = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        for value in tree_flatten((args, kwargs or {}))[0]:
            if isinstance(value, torch.Tensor):
                self.ids.add(id(value))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["lxmert", "visualbert", "et-human-synthetic", "et-human"])
def test_a_call_reads_every_weight_but_tables_of_embeddings(name):
    model = plugins.get(plugins.MODELS, name)
    if model.available() is not None:
        pytest.skip("not installed")
    module = build.build(model, OPTIONS, "meta")
    inputs = model.inputs(1, {axis.name: axis.default for axis in model.axes}, complexity.ShapeSource())
    call, met = model.bind(module, inputs, "forward")[0], Met()
    with torch.no_grad(), met:
        call()
    tables = {id(part.weight) for part in module.modules() if isinstance(part, torch.nn.Embedding)}
    unread = [path for path, weight in module.named_parameters() if id(weight) not in met.ids | tables]
    assert unread == []
