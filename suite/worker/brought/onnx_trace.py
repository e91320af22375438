"""What one run of an ONNX graph tells that its shapes alone don't: the branches of If that it takes, and sizes."""

from typing import Any, Dict, List, Sequence, Tuple

_DEPTH = 32  # of If within If


def without_branches(proto: Any, feeds: Dict[str, Any]) -> Any:
    """The model with each If of its main graph replaced by the branch that a call with `feeds` takes."""
    for _ in range(_DEPTH):
        conditions = [node.input[0] for node in proto.graph.node if node.op_type == "If"]
        if not conditions:
            break
        taken = dict(zip(conditions, run(proto, conditions, feeds)))
        nodes: List[Any] = []
        for node in list(proto.graph.node):
            nodes += _inlined(proto, node, bool(taken[node.input[0]].all())) if node.op_type == "If" else [node]
        kept = [_copied(node) for node in nodes]
        del proto.graph.node[:]
        proto.graph.node.extend(kept)
    return proto


def shapes(proto: Any, names: Sequence[str], feeds: Dict[str, Any]) -> Dict[str, Tuple[int, ...]]:
    """Of values within the graph."""
    return {name: tuple(found.shape) for name, found in zip(names, run(proto, names, feeds)) if hasattr(found, "shape")}


def run(proto: Any, names: Sequence[str], feeds: Dict[str, Any]) -> List[Any]:
    """The values of those names. Raises whatever ONNX Runtime does."""
    import onnxruntime

    asked = type(proto)()
    asked.CopyFrom(proto)
    del asked.graph.output[:]
    for name in dict.fromkeys(names):
        asked.graph.output.add().name = name
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = 4
    session = onnxruntime.InferenceSession(asked.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    given = {name: value for name, value in feeds.items() if name in wanted}
    found = dict(zip(dict.fromkeys(names), session.run(list(dict.fromkeys(names)), given)))
    return [found[name] for name in names]


def _inlined(proto: Any, node: Any, condition: bool) -> List[Any]:
    """The nodes of the branch; its outputs take the names of the If's."""
    import onnx

    wanted = "then_branch" if condition else "else_branch"
    branch = next(attribute.g for attribute in node.attribute if attribute.name == wanted)
    proto.graph.initializer.extend(branch.initializer)
    pairs = zip(branch.output, node.output)
    return list(branch.node) + [onnx.helper.make_node("Identity", [inner.name], [outer]) for inner, outer in pairs]


def _copied(node: Any) -> Any:
    found = type(node)()
    found.CopyFrom(node)
    return found
