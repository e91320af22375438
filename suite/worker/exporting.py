"""Graphs of a module by torch.export and as ONNX: one that takes every size that is asked for, else one for each."""

import hashlib
import os
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple

from suite.worker import calls, tensors
from suite.worker.outcome import WorkerFault
from suite.worker.runtime import Work

MOST_GRAPH_COUNT = 16  # of one size each
Save = Callable[[Any, Tuple[Any, ...], Optional[List[Dict[int, Any]]], str], None]


def write_graphs(work: Work, save: Save, suffix: str) -> Dict[str, Any]:
    """Writes one graph for all calls of the work where it can, else one for each; what `Graphs` must know of them.

    save: (flat module, its tensors, by tensor the dimensions that vary as torch.export takes them or None, path).
    Raises WorkerFault BUILD_FAILED with the exporter's own reason.
    """
    dynamic = calls.varying(work.calls)
    why = ""
    if any(dynamic.values()):
        chosen = calls.example(work.calls, dynamic)
        try:
            return _told([_written(work, save, chosen, dynamic, "all" + suffix)], dynamic, why)
        except Exception as error:  # noqa: BLE001  # an exporter fails in many ways; one size each may still work
            why = _line(error)
            _clear(work.folder)
    if len(work.calls) > MOST_GRAPH_COUNT:
        text = "no graph takes all {} sizes ({}), and that is more than one graph each ({})"
        raise calls.not_exportable(text.format(len(work.calls), why, MOST_GRAPH_COUNT))
    graphs = []
    for index, call in enumerate(work.calls):
        try:
            graphs.append(_written(work, save, call, {}, "{}{}".format(index, suffix)))
        except WorkerFault:
            raise
        except Exception as error:
            raise calls.not_exportable("the exporter failed: " + _line(error)) from error
    return _told(graphs, {}, why)


def _written(work: Work, save: Save, call: Dict[str, Any], dynamic: Dict[str, List[int]], file: str) -> Dict[str, Any]:
    import torch

    flat = calls.Flat.of(work.module, call)
    values = tuple(call[name] for name in flat.names)
    shapes = None
    if dynamic:
        shapes = [dict.fromkeys(dynamic.get(name, []), torch.export.Dim.AUTO) for name in flat.names]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flat(*values)
        names = list(flat.output_names)
        save(flat, values, shapes, os.path.join(work.folder, file))
    return {"file": file, "inputs": flat.names, "outputs": names, "shapes": None if dynamic else key_of(call)}


def _told(graphs: List[Dict[str, Any]], dynamic: Dict[str, List[int]], why: str) -> Dict[str, Any]:
    notes = [] if not why else ["one graph for each size, since none takes all: " + why]
    return {"graphs": graphs, "dynamic": bool(dynamic), "notes": notes}


def key_of(inputs: Dict[str, Any]) -> str:
    """Of a call's shapes, for a graph of one size."""
    named = {name: value for name, value in inputs.items() if tensors.is_tensor(value)}
    return hashlib.sha256(repr(calls.shapes_of(named)).encode()).hexdigest()[:16]


class Graphs:
    """A callable in the place of the module: opens a graph when the first call of its sizes comes, holds one at a time.

    skeleton: gives the module without weights, for attributes that a model reads when it binds its inputs.
    """

    def __init__(self, graphs: List[Dict[str, Any]], open_graph: Callable[[str], Any], skeleton: Any) -> None:
        """open_graph: from a file's name to a callable of named tensors that gives its outputs in order."""
        self._graphs, self._open, self._skeleton = graphs, open_graph, skeleton
        self._opened: Tuple[str, Any] = ("", None)
        self._given: Dict[str, Any] = {}
        self._call: Callable[[], Any] = list
        self._names: List[str] = []
        if len(graphs) == 1:
            self.opened(graphs[0])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._skeleton(), name)

    def __call__(self, *values: Any, **inputs: Any) -> Any:
        if values:
            inputs.update(zip(self._graphs[0]["inputs"], values))
        given = self._given
        if len(given) != len(inputs) or any(given.get(name) is not value for name, value in inputs.items()):
            self._bind(inputs)
        return calls.shaped(self._names, self._call())

    @property
    def session(self) -> Any:
        """What the graph that is open was opened as; None before the first call where there are several."""
        return self._opened[1]

    def opened(self, graph: Dict[str, Any]) -> Any:
        if self._opened[0] != graph["file"]:
            self._opened = ("", None)  # the one before is given up first
            self._opened = (graph["file"], self._open(graph["file"]))
        return self._opened[1]

    def _bind(self, inputs: Dict[str, Any]) -> None:
        graph = self._chosen(inputs)
        session = self.opened(graph)
        self._call = session.bind({name: inputs[name] for name in graph["inputs"]})
        self._given, self._names = inputs, graph["outputs"]

    def _chosen(self, inputs: Dict[str, Any]) -> Dict[str, Any]:
        wanted = key_of(inputs)
        for graph in self._graphs:
            if graph["shapes"] in (None, wanted):
                return graph
        raise WorkerFault(
            "SIZE_NOT_BUILT", "no graph was built for inputs of these sizes", "Ask for this size in the same plan"
        )


def _clear(folder: str) -> None:
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "{}: {}".format(type(error).__name__, " ".join(lines[:2])[:300])
