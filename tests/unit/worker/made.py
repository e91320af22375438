"""Models made up on the spot: a module's factory, its inputs, and what else a test wants otherwise."""

from suite.worker.model import Model


class Made(Model):
    """inputs: values by name, or a function (batch_size, axes, source) of them."""

    name = "made"
    title = "Made"

    def __init__(self, factory, inputs=None, **declared):
        self._factory, self._inputs = factory, inputs
        for name, value in declared.items():
            setattr(self, name, value)

    def build(self, options):
        return self._factory()

    def inputs(self, batch_size, axes, source):
        return self._inputs(batch_size, axes, source) if callable(self._inputs) else dict(self._inputs)
